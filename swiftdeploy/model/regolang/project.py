"""All files of a policy set as one: which package has which rules, and what a name in a file leads to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from swiftdeploy.model.regolang.kinds import Kind
from swiftdeploy.model.regolang.tree import Module, Rule, Unread

Path = tuple[str, ...]


@dataclass(frozen=True)
class Home:
    """A rule and the file that it stands in."""

    module: Module
    rule: Rule


@dataclass
class Project:
    """The packages of a policy set with their rules by name, and the names at the top of its data. Filled while rules
    are read: the kinds of rules and of functions' arguments, what is wrong, and the places (file and character) of
    comparisons whose sides are surely numbers, or surely texts."""

    modules: tuple[Module, ...]
    data: frozenset[str]
    packages: dict[Path, dict[str, list[Home]]] = field(default_factory=dict)
    kinds: dict[tuple[Path, str], Kind] = field(default_factory=dict)
    takes: dict[tuple[Path, str], tuple[Kind, ...]] = field(default_factory=dict)
    certain: set[tuple[str, int]] = field(default_factory=set)
    wrong: list[tuple[Module, Unread]] = field(default_factory=list)

    def rules(self, package: Path, name: str) -> list[Home]:
        """The rules of that name in a package; none is an empty list."""
        return self.packages.get(package, {}).get(name, [])

    def split(self, path: Path) -> tuple[Path, Path] | None:
        """The package that a path below `data` leads into and what follows; None when it leads into none."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.packages:
                return path[:length], path[length:]
        return None

    def is_function(self, package: Path, name: str) -> bool:
        """Is it called with arguments?"""
        return any(home.rule.kind == "function" for home in self.rules(package, name))


def gathered(modules: Iterable[Module], data: Iterable[str]) -> Project:
    """The files as one; `data` are the names at the top of data.json."""
    project = Project(tuple(modules), frozenset(data))
    for module in project.modules:
        rules = project.packages.setdefault(module.package, {})
        for rule in module.rules:
            rules.setdefault(rule.name, []).append(Home(module, rule))
    return project

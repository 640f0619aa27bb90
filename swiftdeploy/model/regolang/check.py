"""What the embedded judge must not be asked: all that OPA refuses, and all that it might judge otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from swiftdeploy.model import rego
from swiftdeploy.model.errors import Finding
from swiftdeploy.model.regolang import builtins, metadata, names, prelude
from swiftdeploy.model.regolang.parse import language, parse
from swiftdeploy.model.regolang.project import Home, Path, Project, gathered
from swiftdeploy.model.regolang.reader import kind_of
from swiftdeploy.model.regolang.rewrite import approximate, rewritten
from swiftdeploy.model.regolang.tree import Module, Ref, Scalar, Unread

_DOCUMENTS = ("thresholds",)  # where limits are; a gate without them is told so elsewhere
_MOST = 20
Wrong: TypeAlias = tuple[Module, Unread]


def refused(files: Mapping[str, str], tests: bool = False) -> tuple[Finding, ...]:
    """Everything in the Rego files (the `*_test.rego` too, when asked) that keeps them from the embedded judge, with
    places and words; none when OPA would compile them and both would judge alike."""
    return prepared(files, tests)[0]


def prepared(files: Mapping[str, str], tests: bool = False) -> tuple[tuple[Finding, ...], dict[str, str]]:
    """The same, and names and texts of the modules that the embedded judge is given; none when something is wrong."""
    texts = rego.modules(files, tests)
    modules, wrong = _parsed(texts)
    if wrong:
        return wrong, {}
    project = gathered(modules, (*_data(files), *_DOCUMENTS, *_given(modules)))
    wrong = _told(texts, [*_shapes(project), *_circles(project)]) or _told(texts, _bodies(project))
    if wrong:
        return wrong, {}
    near = any(approximate(module) for module in modules)
    written = {
        one.file: rewritten(one, texts[one.file], _certain(project, one.file), _known(project, one), near)
        for one in modules
    }
    return (), {**written, prelude.FILE: prelude.TEXT}


def _known(project: Project, module: Module) -> frozenset[str]:
    return frozenset((*project.packages[module.package], *module.names))


def _certain(project: Project, file: str) -> frozenset[int]:
    return frozenset(at for name, at in project.certain if name == file)


def _parsed(texts: Mapping[str, str]) -> tuple[list[Module], tuple[Finding, ...]]:
    modules: list[Module] = []
    wrong: list[Finding] = []
    for name, text in texts.items():
        try:
            metadata.plain(text)
            modules.append(parse(name, text))
        except Unread as error:
            wrong.append(rego.at(texts, name, error.at, error.what, error.hint))
    return modules, tuple(wrong)


def _told(texts: Mapping[str, str], wrong: Iterable[Wrong]) -> tuple[Finding, ...]:
    """Findings in the order of files and lines, one a place."""
    unique = {(module.file, error.at): error for module, error in wrong}
    ordered = sorted(unique.items(), key=lambda one: one[0])[:_MOST]
    return tuple(rego.at(texts, file, at, error.what, error.hint) for (file, at), error in ordered)


def _given(modules: list[Module]) -> Iterator[str]:
    """The documents that tests give with `with data.NAME as`."""
    for module in modules:
        for rule in module.rules:
            for branch in rule.branches:
                for line in branch.body:
                    for one in line.withs:
                        if isinstance(one.target, Ref) and isinstance(one.target.path[0], Scalar):
                            yield str(one.target.path[0].value)


def _data(files: Mapping[str, str]) -> tuple[str, ...]:
    try:
        value = json.loads(files.get("data.json", "").removeprefix("\ufeff") or "{}")
    except ValueError:
        return ()
    return tuple(value) if isinstance(value, dict) else ()


def _shapes(project: Project) -> Iterator[Wrong]:
    """Imports, packages and the rules of one name, before any body is read."""
    for module in project.modules:
        if module.package[0] == prelude.PACKAGE:
            yield module, Unread(0, f"package {prelude.PACKAGE} is the judge's own", "give it another name")
        if module.package[0] in project.data:
            what = f"data.json has {module.package[0]}, where package {'.'.join(module.package)} is"
            yield module, Unread(0, what, "rename one of them")
        yield from _imports(project, module)
    for package, rules in project.packages.items():
        for name, homes in rules.items():
            yield from _rules(package, name, homes)


def _imports(project: Project, module: Module) -> Iterator[Wrong]:
    seen: set[str] = set()
    for one in module.imports:
        if language(one):
            if one.name in seen:
                yield module, Unread(one.at, f"{'.'.join(one.path)} is imported twice", "remove one of them")
        elif one.path[0] not in ("data", "input") or one.path == ("data",):
            yield (
                module,
                Unread(one.at, f"there is no {'.'.join(one.path)} to import", "import `data.NAME` or `rego.v1`"),
            )
        elif one.name in seen:
            yield module, Unread(one.at, f"{one.name} is imported twice", "give one of them an alias with `as`")
        elif one.name in project.packages[module.package]:
            yield (
                module,
                Unread(one.at, f"{one.name} is also a rule of this package", "give the import an alias with `as`"),
            )
        elif one.name in builtins.SPACES or one.name in ("input", "data") or one.name in builtins.KNOWN:
            yield module, Unread(one.at, f"{one.name} is a name of Rego's own", "give the import an alias with `as`")
        elif one.path[0] == "data" and not _defined(project, one.path[1:]):
            yield module, Unread(one.at, f"no file defines {'.'.join(one.path)}", _near(project, one.path[1:]))
        seen.add(one.name)


def _near(project: Project, path: Path) -> str:
    return names.close(".".join(path), [*(".".join(package) for package in project.packages), *project.data])


def _defined(project: Project, path: Path) -> bool:
    split = project.split(path)
    if split is not None:
        return not split[1] or bool(project.rules(split[0], split[1][0]))
    return path[0] in project.data or any(package[: len(path)] == path for package in project.packages)


def _rules(package: Path, name: str, homes: list[Home]) -> Iterator[Wrong]:
    first = homes[0]
    whole = ".".join((*package, name))
    if name in ("input", "data") or name in builtins.KNOWN or name in builtins.ELSEWHERE or name in builtins.SPACES:
        yield first.module, Unread(first.rule.at, f"{name} is a name of Rego's own", "give the rule another name")
    kinds = {"complete" if home.rule.kind == "default" else home.rule.kind for home in homes}
    if len(kinds) > 1:
        last = next(home for home in homes if home.rule.kind != first.rule.kind)
        yield last.module, Unread(last.rule.at, f"{whole} is {' and '.join(sorted(kinds))} at once", "use two names")
    defaults = [home for home in homes if home.rule.kind == "default"]
    if len(defaults) > 1:
        yield defaults[1].module, Unread(defaults[1].rule.at, f"{whole} has a default already")
    lengths = {len(home.rule.args) for home in homes}
    if len(lengths) > 1 and len(kinds) == 1:
        odd = next(home for home in homes if len(home.rule.args) != len(first.rule.args))
        yield odd.module, Unread(odd.rule.at, f"{whole} takes {len(first.rule.args)} arguments elsewhere")


def _circles(project: Project) -> Iterator[Wrong]:
    """Rules that lead back to themselves."""
    done: set[tuple[Path, str]] = set()
    for package, rules in project.packages.items():
        for name in rules:
            yield from _circle(project, (package, name), [], done)


def _circle(
    project: Project, rule: tuple[Path, str], trail: list[tuple[Path, str]], done: set[tuple[Path, str]]
) -> Iterator[Wrong]:
    if rule in done:
        return
    done.add(rule)
    trail.append(rule)
    for home in project.rules(*rule):
        for package, name, at in names.uses(project, home.module, home.rule):
            if (package, name) in trail:
                yield home.module, Unread(at, f"{home.rule.name} leads back to itself", "a rule cannot use itself")
            else:
                yield from _circle(project, (package, name), trail, done)
    trail.pop()


def _bodies(project: Project) -> list[Wrong]:
    for package, rules in project.packages.items():
        for name in rules:
            kind_of(project, package, name)
    return project.wrong

"""What a name leads to: a rule, a function, a field of the input or a document of data.json."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swiftdeploy.model.regolang import builtins, walk
from swiftdeploy.model.regolang.project import Path, Project
from swiftdeploy.model.regolang.tree import Call, Module, Ref, Rule, Scalar, Term, Unread, Var

OPA_HAS_IT = "OPA has it: put `opa` on PATH or use the docker engine"


@dataclass(frozen=True)
class Target:
    """Where a reference leads: `rule` of `package`, with `rest` behind it; without a package somewhere in the input or
    in data.json."""

    package: Path | None
    rule: str
    rest: tuple[Term, ...]


def target(project: Project, module: Module, head: Var, path: tuple[Term, ...]) -> Target:
    """Where `head.path` leads, when the head is no local variable. Raises Unread when nowhere."""
    imports = module.names
    if head.name in imports:
        whole = imports[head.name]
        return _absolute(project, head, whole, path)
    if head.name in ("input", "data"):
        return _absolute(project, head, (head.name,), path)
    if project.rules(module.package, head.name):
        return Target(module.package, head.name, path)
    raise Unread(
        head.at, f"{head.name} has no value here: no line above gives it one", _nearest(head.name, project, module)
    )


def _absolute(project: Project, head: Var, whole: Path, path: tuple[Term, ...]) -> Target:
    if whole[0] == "input":
        return Target(None, "", path)
    words, rest = _words(path)
    full = (*whole[1:], *words)
    if not full:
        raise Unread(head.at, "`data` alone is not judged alike", "name the document: `data.thresholds`")
    split = project.split(full)
    if split is not None:
        package, behind = split
        if not behind:
            raise Unread(head.at, f"package {'.'.join(package)} is no value", "name one of its rules")
        if not project.rules(package, behind[0]):
            known = project.packages[package]
            raise Unread(head.at, f"package {'.'.join(package)} has no rule {behind[0]}", close(behind[0], known))
        used = len(words) - (len(behind) - 1)
        return Target(package, behind[0], path[max(used, 0) :])
    if any(package[: len(full)] == full for package in project.packages):
        raise Unread(head.at, f"data.{'.'.join(full)} holds packages and is no value", "name one of their rules")
    if full[0] not in project.data:
        raise Unread(head.at, f"no file defines data.{'.'.join(full)}", close(full[0], project.data))
    return Target(None, "", rest)


def function(project: Project, module: Module, call: Call) -> tuple[Path, str] | None:
    """The package and name of the function that is called; None for a built-in one. Raises Unread when there is none,
    and for what the embedded judge lacks."""
    head, *rest = call.name.split(".")
    imports = module.names
    whole = (*imports[head], *rest) if head in imports else (head, *rest) if head == "data" else ()
    if not rest and project.rules(module.package, head):
        return _called(project, module.package, head, call)
    if whole[:1] == ("data",):
        split = project.split(whole[1:])
        if split is None or len(split[1]) != 1:
            raise Unread(call.at, f"no file defines the function {call.name}")
        return _called(project, split[0], split[1][0], call)
    if call.name in builtins.KNOWN:
        return None
    if (head in builtins.SPACES and rest) or call.name in builtins.ELSEWHERE:
        raise Unread(call.at, f"the embedded judge has no function {call.name} that it runs as OPA does", OPA_HAS_IT)
    known = [*builtins.KNOWN, *project.packages[module.package]]
    raise Unread(call.at, f"there is no function {call.name}", close(call.name, known))


def _called(project: Project, package: Path, name: str, call: Call) -> tuple[Path, str]:
    homes = project.rules(package, name)
    if not homes:
        raise Unread(
            call.at, f"package {'.'.join(package)} has no function {name}", close(name, project.packages[package])
        )
    if not project.is_function(package, name):
        raise Unread(
            call.at, f"{call.name} is a rule without arguments and cannot be called", "leave out the parentheses"
        )
    wanted = len(homes[0].rule.args)
    if len(call.args) != wanted:
        raise Unread(call.at, f"{call.name} takes {_counted(wanted)}, not {len(call.args)}")
    return package, name


def _counted(number: int) -> str:
    return "1 argument" if number == 1 else f"{number} arguments"


def _words(path: tuple[Term, ...]) -> tuple[list[str], tuple[Term, ...]]:
    """The written beginning of a path, and what follows."""
    words: list[str] = []
    for step in path:
        if not isinstance(step, Scalar) or not isinstance(step.value, str):
            break
        words.append(step.value)
    return words, path[len(words) :]


def close(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?`, or nothing."""
    found = difflib.get_close_matches(name, sorted(known), 1)
    return f"did you mean `{found[0]}`?" if found else ""


def _nearest(name: str, project: Project, module: Module) -> str:
    return close(name, [*project.packages[module.package], *module.names, "input", "data"])


def uses(project: Project, module: Module, rule: Rule) -> Iterator[tuple[Path, str, int]]:
    """The rules and functions that a rule uses, with the places; what leads nowhere is left out."""
    here = {*project.packages[module.package], *module.names, "data"}
    for term in walk.of_rule(rule):
        try:
            if isinstance(term, Call):
                called = function(project, module, term)
                if called is not None:
                    yield (*called, term.at)
            elif isinstance(term, Var) or (isinstance(term, Ref) and isinstance(term.head, Var)):
                head, path = (term, ()) if isinstance(term, Var) else (term.head, term.path)
                if head.name not in here:  # type: ignore[union-attr]
                    continue
                found = target(project, module, head, path)  # type: ignore[arg-type]
                if found.package is not None:
                    yield found.package, found.rule, term.at
        except Unread:
            continue

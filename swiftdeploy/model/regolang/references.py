"""Which fields of the input and which thresholds a set of policies reads, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from swiftdeploy.model import rego
from swiftdeploy.model.regolang import walk
from swiftdeploy.model.regolang.parse import parse
from swiftdeploy.model.regolang.tree import Call, Infix, Module, Ref, Rule, Scalar, Term, Unread, Var

_PLACES = 8  # rules that only name another document, one after the other


@dataclass(frozen=True)
class Reference:
    """A field that a policy reads: `("users", "p99_latency_ms")`, the file, and line and column from 1."""

    path: tuple[str, ...]
    file: str
    line: int
    column: int


def inputs(files: Mapping[str, str]) -> tuple[Reference, ...]:
    """Every `input.a.b` that the policy files read, tests left out, in the order of files and places: also
    `input["a"]`, through imports, through rules that only name a part of the input, and by `object.get`. Files that
    cannot be read have none."""
    return _below(("input",), files)


def thresholds(files: Mapping[str, str]) -> tuple[Reference, ...]:
    """Every `data.thresholds.x` that the policy files read, in the same way; the path begins behind `thresholds`."""
    return _below(("data", "thresholds"), files)


def _below(root: tuple[str, ...], files: Mapping[str, str]) -> tuple[Reference, ...]:
    modules = tuple(_read(files))
    aliases = _aliases(modules)
    found: list[Reference] = []
    for module in modules:
        text = rego.modules(files)[module.file]
        whole: dict[int, tuple[str, ...]] = {}
        for at, path in _paths(module, _names(module, aliases)):
            whole.setdefault(at, _resolved(path, aliases))  # an outer term comes first
        for at, path in sorted(whole.items()):
            if path[: len(root)] == root and len(path) > len(root):
                line = text.count("\n", 0, at) + 1
                found.append(Reference(path[len(root) :], module.file, line, at - text.rfind("\n", 0, at)))
    return tuple(found)


def _read(files: Mapping[str, str]) -> Iterator[Module]:
    for file, text in rego.modules(files).items():
        try:
            yield parse(file, text)
        except Unread:
            continue


def _names(module: Module, aliases: Mapping[tuple[str, ...], tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """What the names of a file stand for: `input`, `data`, its imports and its own rules."""
    own = ("data", *module.package)
    names = {path[-1]: whole for path, whole in aliases.items() if path[:-1] == own}
    imported = {one.name: one.path for one in module.imports}
    return {**names, **imported, "input": ("input",), "data": ("data",)}


def _aliases(modules: tuple[Module, ...]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Rules that only name another document: `facts := input if ...` makes data.p.facts the input."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for _ in range(_PLACES):
        before = dict(found)
        for module in modules:
            names = _names(module, found)
            for rule in module.rules:
                path = _alias(rule, names)
                if path:
                    found[("data", *module.package, rule.name)] = _resolved(path, found)
        if before == found:
            break
    return found


def _alias(rule: Rule, names: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    value = rule.branches[0].value
    if rule.kind != "complete" or value is None:
        return ()
    return _static(value, names)


def _resolved(path: tuple[str, ...], aliases: Mapping[tuple[str, ...], tuple[str, ...]]) -> tuple[str, ...]:
    for length in range(len(path), 1, -1):
        if path[:length] in aliases:
            return aliases[path[:length]] + path[length:]
    return path


def _paths(module: Module, names: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Places and whole paths of all that a file names."""
    for rule in module.rules:
        known = dict(names)
        for term in walk.of_rule(rule):
            path = _got(term, known) if isinstance(term, Call) else _static(term, known)
            if path and not (isinstance(term, Var) and term.name not in names):
                yield term.at, path
            if isinstance(term, Infix) and term.op == ":=" and isinstance(term.left, Var):
                known[term.left.name] = _static(term.right, known)


def _got(call: Call, names: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """`object.get(input, "a", ...)`, and any function of two or more arguments that is given a part and a name."""
    if len(call.args) < 2 or not isinstance(call.args[1], Scalar) or not isinstance(call.args[1].value, str):
        return ()
    part = _static(call.args[0], names)
    return (*part, call.args[1].value) if part else ()


def _static(term: Term, names: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The path that a term names, as far as it is written out; empty when it names none."""
    if isinstance(term, Var):
        return names.get(term.name, ())
    if not isinstance(term, Ref) or not isinstance(term.head, Var) or term.head.name not in names:
        return ()
    path = list(names[term.head.name])
    for step in term.path:
        if not isinstance(step, Scalar) or not isinstance(step.value, str):
            break
        path.append(step.value)
    return tuple(path)

"""The parts of a Rego file. Every part knows where it begins and ends, in characters of its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


class Unread(Exception):
    """Text outside the part of Rego that is read here: its place, what is wrong, and what to write instead."""

    def __init__(self, at: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.at = at
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, a number, true, false or null."""

    at: int
    end: int
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Var:
    """A name on its own: a local variable, a rule, an import, `input` or `data`; `_` is nobody's."""

    at: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Ref:
    """`head.a["b"][c]`: dots and texts in brackets are scalars of the path."""

    at: int
    end: int
    head: Term
    path: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`name(args)`; `name` is dotted: `object.get`."""

    at: int
    end: int
    name: str
    args: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Infix:
    """`left op right`, with `:=`, `=` and `in` among the operators; `sign_at` is the operator's place."""

    at: int
    end: int
    op: str
    left: Term
    right: Term
    sign_at: int


@dataclass(frozen=True, slots=True)
class Items:
    """An array `[a, b]` or a set `{a, b}`."""

    at: int
    end: int
    kind: Literal["array", "set"]
    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """An object `{key: value}`."""

    at: int
    end: int
    pairs: tuple[tuple[Term, Term], ...]


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`[value | body]`, `{value | body}` or `{key: value | body}`."""

    at: int
    end: int
    kind: Literal["array", "set", "object"]
    key: Term | None
    value: Term
    body: Body


Term: TypeAlias = Scalar | Var | Ref | Call | Infix | Items | Pairs | Comprehension


@dataclass(frozen=True, slots=True)
class With:
    """`with target as value`."""

    target: Term
    value: Term


@dataclass(frozen=True, slots=True)
class Some:
    """`some x, y`, or `some x in xs` and `some k, v in xs`; without `among` it only declares."""

    at: int
    end: int
    names: tuple[Term, ...]
    among: Term | None


@dataclass(frozen=True, slots=True)
class Every:
    """`every x in xs { ... }`, `every k, v in xs { ... }`."""

    at: int
    end: int
    names: tuple[Var, ...]
    among: Term
    body: Body


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a body: a term that must hold, or with `not` must not, under its `with`s."""

    at: int
    end: int
    negated: bool
    what: Term | Some | Every
    withs: tuple[With, ...]


Body: TypeAlias = tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A value and what it depends on: the rule itself and each `else`. An absent value is true."""

    at: int
    value: Term | None
    body: Body


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `kind` tells `x := 1`, `x contains y`, `x[key] := y`, `f(x) := y` and `default x := 1` apart; `key` is
    the element of a set or the key of an object."""

    at: int
    end: int
    kind: Literal["complete", "set", "object", "function", "default"]
    name: str
    args: tuple[Term, ...]
    key: Term | None
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Import:
    """`import data.x.y as alias`; `name` is what it is called in the file."""

    at: int
    path: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Module:
    """One Rego file. `names` are those that its imports bring, and where they lead."""

    file: str
    package: tuple[str, ...]
    imports: tuple[Import, ...]
    rules: tuple[Rule, ...]
    names: dict[str, tuple[str, ...]]

"""Goes through all parts of a tree."""

from __future__ import annotations

from collections.abc import Iterator

from swiftdeploy.model.regolang.tree import (
    Body,
    Call,
    Comprehension,
    Every,
    Infix,
    Items,
    Line,
    Pairs,
    Ref,
    Rule,
    Scalar,
    Some,
    Term,
    Var,
)


def of_rule(rule: Rule) -> Iterator[Term]:
    """Every term of a rule, outer ones first."""
    for arg in rule.args:
        yield from within(arg)
    if rule.key is not None:
        yield from within(rule.key)
    for branch in rule.branches:
        if branch.value is not None:
            yield from within(branch.value)
        yield from of_body(branch.body)


def of_body(lines: Body) -> Iterator[Term]:
    """Every term of a body, those of inner bodies too."""
    for line in lines:
        yield from of_line(line)


def of_line(line: Line) -> Iterator[Term]:
    """Every term of one line."""
    what = line.what
    if isinstance(what, Some | Every):
        for name in what.names:
            yield from within(name)
        if what.among is not None:
            yield from within(what.among)
        if isinstance(what, Every):
            yield from of_body(what.body)
    else:
        yield from within(what)
    for one in line.withs:
        yield from within(one.target)
        yield from within(one.value)


def within(term: Term) -> Iterator[Term]:
    """A term and all terms in it."""
    yield term
    for part in parts(term):
        yield from within(part)
    if isinstance(term, Comprehension):
        yield from of_body(term.body)


def parts(term: Term) -> tuple[Term, ...]:
    """The terms directly in a term; not the body of a comprehension."""
    match term:
        case Scalar() | Var():
            return ()
        case Ref():
            return (term.head, *term.path)
        case Call():
            return term.args
        case Infix():
            return (term.left, term.right)
        case Items():
            return term.items
        case Pairs():
            return tuple(one for pair in term.pairs for one in pair)
        case Comprehension():
            return (term.value,) if term.key is None else (term.key, term.value)

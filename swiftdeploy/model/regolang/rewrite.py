"""Rego as the embedded judge is given it: written so that it compares, negates and formats as OPA does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Set

from swiftdeploy.model.regolang import walk
from swiftdeploy.model.regolang.builtins import KNOWN
from swiftdeploy.model.regolang.prelude import function
from swiftdeploy.model.regolang.tree import (
    Call,
    Comprehension,
    Every,
    Infix,
    Items,
    Line,
    Module,
    Pairs,
    Ref,
    Rule,
    Scalar,
    Some,
    Term,
    Unread,
    Var,
)

VERB = re.compile(r"%(?:(?P<verb>[vsd])|(?P<point>\.\d)f|(?P<sign>%))")
_ORDER = {"<": "less", "<=": "at_most", ">": "more", ">=": "at_least", "==": "same", "!=": "other"}
_ARITHMETIC = frozenset("+-*/%")
_FAILS = frozenset("+-*/%|&")
_ROUNDS = frozenset(("round", "ceil", "floor"))
_COUNTS = frozenset(("count", "indexof"))
_SUMS = frozenset(("sum", "product"))
_OVER = {"sum": "numbers", "product": "numbers", "max": "alike", "min": "alike"}
_HOISTED = "swiftdeploy_value"


def approximate(module: Module) -> bool:
    """Does a file compute figures? Their last digits differ between judges."""
    return any(_computes(rule) for rule in module.rules)


def _computes(rule: Rule) -> bool:
    terms = list(walk.of_rule(rule))
    rounds = [term for term in terms if isinstance(term, Call) and term.name in _ROUNDS]
    rounded = {id(inner) for call in rounds for inner in walk.within(call)}
    return any(_inexact(term) and id(term) not in rounded for term in terms)


def _inexact(term: Term) -> bool:
    if isinstance(term, Infix):
        return term.op in _ARITHMETIC and not _whole(term)
    return isinstance(term, Call) and term.name in _SUMS


def _whole(term: Term) -> bool:
    """Is it surely a whole number, the same in every judge?"""
    match term:
        case Scalar():
            return isinstance(term.value, int)
        case Call():
            return term.name in _ROUNDS or term.name in _COUNTS
        case Infix():
            return term.op in "+-*" and _whole(term.left) and _whole(term.right)
        case _:
            return False


def rewritten(module: Module, text: str, certain: Set[int], known: Set[str], near: bool) -> str:
    """The text of a file for the embedded judge. `certain`: places of operators and calls whose kinds are sure.
    `known`: names of rules and imports. `near`: figures are computed somewhere, so comparisons that hang on a last
    digit must give no value."""
    return _Writer(text, certain, known, near).module(module)


def pieces(template: str, args: int, at: int) -> tuple[str, ...]:
    """A format of `sprintf` cut into texts and verbs. Raises Unread for a verb that judges print differently, and when
    there is not one argument for each."""
    found: list[str] = []
    place = verbs = 0
    for match in VERB.finditer(template):
        if "%" in template[place : match.start()]:
            break
        found += [template[place : match.start()], match.group()]
        verbs += match.group("sign") is None
        place = match.end()
    if "%" in template[place:]:
        raise Unread(at, "sprintf knows %v, %s, %d, %.2f and %% here", "use one of them")
    if verbs != args:
        raise Unread(at, f"this format has {verbs} places for {args} values", "give one value for each %")
    return (*found, template[place:])


class _Writer:
    def __init__(self, text: str, certain: Set[int], known: Set[str], near: bool) -> None:
        self._text = text
        self._certain = certain
        self._known = known
        self._near = near
        self._hoisted = 0
        self._names: dict[int, str] = {}

    def module(self, module: Module) -> str:
        """See `rewritten`."""
        parts = [part for rule in module.rules for part in _of_rule(rule)]
        return self._spliced(0, len(self._text), parts)

    def _spliced(self, at: int, end: int, parts: list[Term | Line]) -> str:
        """The text from `at` to `end`, with each part written anew."""
        out: list[str] = []
        for part in parts:
            out += [self._text[at : part.at], self._written(part)]
            at = part.end
        return "".join((*out, self._text[at:end]))

    def _written(self, part: Term | Line) -> str:
        if id(part) in self._names:
            return self._names[id(part)]
        if isinstance(part, Line):
            return self._line(part)
        if isinstance(part, Infix) and part.op in _ORDER:
            return self._compared(part)
        if isinstance(part, Call) and part.name == "sprintf":
            return self._formatted(part)
        whole = self._spliced(part.at, part.end, _of_term(part))
        if isinstance(part, Call) and part.name in _OVER and part.end - 1 not in self._certain:
            whole = f"{part.name}({function(_OVER[part.name])}({self._written(part.args[0])}))"
        return f"{function('sure')}({whole})" if self._may_fail(part) else whole

    def _may_fail(self, part: Term) -> bool:
        """Built-in functions and arithmetic: the embedded judge takes their errors for values."""
        if isinstance(part, Infix):
            return part.op in _FAILS and part.sign_at not in self._certain
        return isinstance(part, Call) and part.name in KNOWN and part.end - 1 not in self._certain

    def _line(self, line: Line) -> str:
        """OPA works out what stands inside a negated condition before it negates: without a value there, the line has
        none either."""
        before: list[str] = []
        if line.negated:
            assert not isinstance(line.what, Some | Every)
            under = self._text[line.what.end : line.end]
            for inner in self._inside(line.what):
                self._hoisted += 1
                name = f"{_HOISTED}_{self._hoisted}"
                before.append(f"{name} := {self._written(inner)}{under}; ")
                self._names[id(inner)] = name
        if isinstance(line.what, Some) and line.what.among is not None and len(line.what.names) == 2:
            return self._pairs(line.what, line.what.among)
        rest = self._spliced(line.at, line.end, _of_line(line))
        whole = "".join((*before, rest))
        alone = (before or isinstance(line.what, Every)) and re.search(r"\bif\s*$", self._text[: line.at])
        return f"{{ {whole} }}" if alone else whole

    def _pairs(self, some: Some, among: Term) -> str:
        """`some k, v in xs`, which the embedded judge cannot read in a comprehension."""
        self._hoisted += 1
        held = f"{_HOISTED}_{self._hoisted}"
        key, value = (self._text[one.at : one.end] for one in some.names)
        key = f"{held}_key" if key == "_" else key
        lines = f"{held} := {self._written(among)}; some {key}; {value} := {held}[{key}]"
        return f"{{ {lines} }}" if re.search(r"\bif\s*$", self._text[: some.at]) else lines

    def _inside(self, term: Term) -> Iterator[Term]:
        """What OPA works out before it negates a condition: in an equation calls, else what is looked up too."""
        if isinstance(term, Infix) and term.op == "==":
            for side in (term.left, term.right):
                yield from self._steps(side) if isinstance(side, Ref | Var) else self._first(side)
        elif isinstance(term, Call | Infix | Items | Pairs):
            for part in walk.parts(term):
                yield from self._first(part)
        elif isinstance(term, Ref):
            yield from self._steps(term)

    def _steps(self, term: Ref | Var) -> Iterator[Term]:
        if isinstance(term, Ref):
            for part in (term.head, *term.path):
                if not isinstance(part, Var):
                    yield from self._first(part)

    def _first(self, term: Term) -> Iterator[Term]:
        if isinstance(term, Call | Infix | Ref) or (isinstance(term, Var) and term.name in self._known):
            yield term
        elif isinstance(term, Items | Pairs):
            for part in walk.parts(term):
                yield from self._first(part)

    def _compared(self, term: Infix) -> str:
        plain = term.sign_at in self._certain or term.op in ("==", "!=")
        left, right = self._written(term.left), self._written(term.right)
        if self._near:
            return f"{function(f'near_{_ORDER[term.op]}')}({left}, {right})"
        if plain:
            return self._spliced(term.at, term.end, [term.left, term.right])
        return f"{function(_ORDER[term.op])}({left}, {right})"

    def _formatted(self, call: Call) -> str:
        template, values = call.args
        assert isinstance(template, Scalar)
        assert isinstance(values, Items)
        parts: list[str] = []
        items = iter(values.items)
        for piece in pieces(str(template.value), len(values.items), template.at):
            verb = VERB.fullmatch(piece)
            if verb is None or verb.group("sign"):
                parts.append(_quoted("%" if verb else piece))
            else:
                parts.append(self._shown(verb, self._written(next(items))))
        return f'concat("", [{", ".join(parts)}])'

    def _shown(self, verb: re.Match[str], value: str) -> str:
        if verb.group("point"):
            digits = verb.group("point")[1:]
            return f'{function("point")}({value}, "%.{digits}f", "%0{digits}d")'
        return f"{function({'v': 'plain', 's': 'word', 'd': 'whole'}[verb.group('verb')])}({value})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _of_rule(rule: Rule) -> Iterator[Term | Line]:
    if rule.key is not None:
        yield rule.key
    for branch in rule.branches:
        if branch.value is not None:
            yield branch.value
        yield from branch.body


def _of_term(term: Term) -> list[Term | Line]:
    if isinstance(term, Comprehension):
        return [*walk.parts(term), *term.body]
    return list(walk.parts(term))


def _of_line(line: Line) -> list[Term | Line]:
    what = line.what
    parts: list[Term | Line]
    if isinstance(what, Some):
        parts = [] if what.among is None else [what.among]
    elif isinstance(what, Every):
        parts = [what.among, *what.body]
    else:
        parts = [what]
    return [*parts, *(one.value for one in line.withs)]

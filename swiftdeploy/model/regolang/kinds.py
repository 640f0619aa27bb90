"""What a term can be: a text, a number, an array of numbers ... Two kinds that cannot meet are an error in OPA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from swiftdeploy.model.regolang.tree import Scalar


@dataclass(frozen=True, slots=True)
class Plain:
    """`null`, `boolean`, `number`, `string`, `any`, or `open`: an argument of which nothing is known yet."""

    name: str


@dataclass(frozen=True, slots=True)
class Listed:
    """An array: its written items, or `rest` for what may follow."""

    items: tuple[Kind, ...]
    rest: Kind | None = None


@dataclass(frozen=True, slots=True)
class Keyed:
    """An object: its written fields, or `rest` for the values of others and `names` for their keys."""

    fields: tuple[tuple[object, Kind], ...]
    rest: Kind | None = None
    names: Kind = frozenset((Plain("any"),))


@dataclass(frozen=True, slots=True)
class Gathered:
    """A set."""

    of: Kind


Kind: TypeAlias = frozenset[Plain | Listed | Keyed | Gathered]
"""One of several; an empty one is the element of an empty collection."""

ANY: Kind = frozenset((Plain("any"),))
OPEN: Kind = frozenset((Plain("open"),))
NUMBER: Kind = frozenset((Plain("number"),))
STRING: Kind = frozenset((Plain("string"),))
BOOLEAN: Kind = frozenset((Plain("boolean"),))
NULL: Kind = frozenset((Plain("null"),))
_FREE = (Plain("any"), Plain("open"))


def array(of: Kind = ANY) -> Kind:
    """An array of any length."""
    return frozenset((Listed((), of),))


def set_of(of: Kind = ANY) -> Kind:
    """A set."""
    return frozenset((Gathered(of),))


def object_of(of: Kind = ANY, names: Kind = ANY) -> Kind:
    """An object with any fields."""
    return frozenset((Keyed((), of, names),))


def of_scalar(value: str | int | float | bool | None) -> Kind:
    """The kind of a written value."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOLEAN
    return STRING if isinstance(value, str) else NUMBER


def either(*kinds: Kind) -> Kind:
    """One of these."""
    together = frozenset().union(*kinds)
    return ANY if free(together) else together


def free(kind: Kind) -> bool:
    """May it be anything?"""
    return any(one in kind for one in _FREE)


def meet(left: Kind, right: Kind) -> bool:
    """Can a value be of both kinds?"""
    if not left or not right or free(left) or free(right):
        return True
    return any(_meet(one, other) for one in left for other in right)


def surely(kind: Kind, expected: Kind) -> bool:
    """Is every value of `kind` one of `expected`? Of collections only where those may hold anything."""
    if not kind or free(kind):
        return expected == ANY
    return expected == ANY or all(one in expected or _loosely(one, expected) for one in kind)


def _loosely(one: object, expected: Kind) -> bool:
    whole = {Listed: Listed((), ANY), Keyed: Keyed((), ANY), Gathered: Gathered(ANY)}
    return type(one) in whole and whole[type(one)] in expected


def _meet(left: object, right: object) -> bool:
    if isinstance(left, Listed) and isinstance(right, Listed):
        return _arrays(left, right)
    if isinstance(left, Keyed) and isinstance(right, Keyed):
        return _objects(left, right)
    if isinstance(left, Gathered) and isinstance(right, Gathered):
        return meet(left.of, right.of)
    return left == right


def _arrays(left: Listed, right: Listed) -> bool:
    length = max(len(left.items), len(right.items))
    pairs = [(_item(left, at), _item(right, at)) for at in range(length)]
    if any(one is None or other is None for one, other in pairs):
        return False
    tails = left.rest is None or right.rest is None or meet(left.rest, right.rest)
    return tails and all(meet(one, other) for one, other in pairs if one is not None and other is not None)


def _item(kind: Listed, at: int) -> Kind | None:
    return kind.items[at] if at < len(kind.items) else kind.rest


def _objects(left: Keyed, right: Keyed) -> bool:
    ours, theirs = dict(left.fields), dict(right.fields)
    for name in {**ours, **theirs}:
        one, other = ours.get(name, left.rest), theirs.get(name, right.rest)
        if one is None or other is None or not meet(one, other):
            return False
    return left.rest is None or right.rest is None or meet(left.rest, right.rest)


def elements(kind: Kind) -> tuple[Kind, Kind] | None:
    """Keys and values of a collection; None for what is none."""
    if free(kind):
        return ANY, ANY
    found = [_elements(one) for one in kind if not isinstance(one, Plain)]
    if not found:
        return None
    return either(*(one[0] for one in found)), either(*(one[1] for one in found))


def _elements(one: Listed | Keyed | Gathered) -> tuple[Kind, Kind]:
    if isinstance(one, Listed):
        return NUMBER, either(*one.items, one.rest or frozenset())
    if isinstance(one, Gathered):
        return one.of, one.of
    names = either(*(of_scalar(name) for name, _ in one.fields if _written(name)))  # type: ignore[arg-type]
    return either(names, one.names if one.rest is not None else frozenset()), either(
        *(it for _, it in one.fields), one.rest or frozenset()
    )


def _written(name: object) -> bool:
    return name is None or isinstance(name, str | int | float | bool)


def field(kind: Kind, key: Scalar) -> Kind | None:
    """What stands under a written key; None when there is nothing."""
    if free(kind):
        return ANY
    found = [it for one in kind if (it := _field(one, key)) is not None]
    return either(*found) if found else None


def _field(one: object, key: Scalar) -> Kind | None:
    if isinstance(one, Keyed):
        return dict(one.fields).get(key.value, one.rest)
    if isinstance(one, Gathered):
        return one.of if meet(one.of, of_scalar(key.value)) else None
    if isinstance(one, Listed) and isinstance(key.value, int) and not isinstance(key.value, bool):
        return _item(one, key.value) if key.value >= 0 else None
    return None


def told(kind: Kind) -> str:
    """A kind in a word or two."""
    words = {"Listed": "an array", "Keyed": "an object", "Gathered": "a set"}
    plain = {"null": "null", "boolean": "true or false", "number": "a number", "string": "a text"}
    names = {plain.get(one.name, "anything") if isinstance(one, Plain) else words[type(one).__name__] for one in kind}
    return " or ".join(sorted(names))

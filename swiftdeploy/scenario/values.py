"""`${vars.x}`, `${matrix.x}`, `${env.X}` and captured names in the values of a scenario."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from swiftdeploy.model.decision import Json

Path = tuple[str | int, ...]
REFERENCE = re.compile(r"\$?\$\{([^{}]*)\}")  # `$${` is a literal `${`
INNER = re.compile(r"(?<=\$\{)([^{}$]*)\$\{([^{}]*)\}(?=[^{}]*\})")  # `${a}` in `${vars.${a}}`


@dataclass(frozen=True)
class Reference:
    """One `${name}`, and where in the tree its text stands."""

    path: Path
    name: str


def references(value: Json, path: Path = ()) -> Iterator[Reference]:
    """Every reference in the texts of a tree, keys of mappings excepted."""
    if isinstance(value, str):
        for found in REFERENCE.finditer(value):
            if not found[0].startswith("$$"):
                yield Reference(path, plain(found[1]))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, (*path, index))


def plain(name: str) -> str:
    """`captured.x` and `x` are the same name."""
    return name.strip().removeprefix("captured.")


def fill(value: Json, known: Mapping[str, Json], final: bool = False) -> Json:
    """The tree with every known reference replaced; others stay as they are.

    A text that is one reference alone takes the value with its type; inside other text it is formatted (JSON for
    anything but text). In `${vars.${matrix.fault}}` the inner name is filled in first; what a value itself holds is
    never filled in. `$${` becomes `${` only when `final`, so that a tree may be filled more than once.
    """
    if isinstance(value, dict):
        return {key: fill(item, known, final) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, known, final) for item in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    value = INNER.sub(lambda found: found[1] + _named(found[2], found[0][len(found[1]) :], known), value)
    alone = REFERENCE.fullmatch(value)
    if alone and not value.startswith("$$") and plain(alone[1]) in known:
        return known[plain(alone[1])]
    return REFERENCE.sub(lambda found: _replacement(found, known, final), value)


def text(value: Json) -> str:
    """How a value looks inside other text: `0.6`, `true`, `slow`."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def look_up(data: Json, path: str) -> Json:
    """The value at `json.path` with list places as numbers (`items.0.name`); raises KeyError with the missing part."""
    found = data
    for part in path.split("."):
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            raise KeyError(part)
    return found


def _replacement(found: re.Match[str], known: Mapping[str, Json], final: bool) -> str:
    if found[0].startswith("$$"):
        return found[0][1:] if final else found[0]
    return _named(found[1], found[0], known)


def _named(name: str, written: str, known: Mapping[str, Json]) -> str:
    return text(known[plain(name)]) if plain(name) in known else written

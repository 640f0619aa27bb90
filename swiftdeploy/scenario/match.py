"""What a scenario expects of free data (JSON bodies, headers, journal events), held against what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from swiftdeploy.model.decision import Json
from swiftdeploy.scenario.fields import Bounds, is_bounds


def mismatch(expected: Json, got: Json, path: str = "") -> str | None:
    """None when `got` fits; else one clause such as `json.mode is 'stable' and not 'canary'`.

    Mappings are held key by key and may have more keys; lists must be as long; `{min, max}` bounds a number; texts may
    be globs; anything else must be equal, `1` and `true` being different.
    """
    if is_bounds(expected):
        return _outside(Bounds.model_validate(expected), got, path)
    if isinstance(expected, Mapping):
        return _keys(expected, got, path)
    if isinstance(expected, list):
        return _items(expected, got, path)
    if isinstance(expected, str) and isinstance(got, str) and glob(expected, got):
        return None
    if expected == got and isinstance(expected, bool) == isinstance(got, bool):
        return None
    return f"{path or 'it'} is {show(got)} and not {show(expected)}"


def glob(pattern: str, text: str) -> bool:
    """Whether the text is the pattern, literally or as a glob (case counts)."""
    return pattern == text or fnmatchcase(text, pattern)


def unmatched(patterns: Sequence[str], texts: Sequence[str]) -> tuple[str, ...]:
    """The patterns that no text fits."""
    return tuple(one for one in patterns if not any(glob(one, text) for text in texts))


def show(value: Json, limit: int = 200) -> str:
    """A value in a message, cut where it would drown the sentence."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def _keys(expected: Mapping[str, Json], got: Json, path: str) -> str | None:
    if not isinstance(got, Mapping):
        return f"{path or 'it'} is {show(got)} and no mapping"
    for key, value in expected.items():
        place = f"{path}.{key}" if path else key
        if key not in got:
            return f"{place} is missing"
        if wrong := mismatch(value, got[key], place):
            return wrong
    return None


def _items(expected: list[Json], got: Json, path: str) -> str | None:
    if not isinstance(got, list) or len(got) != len(expected):
        return f"{path or 'it'} is {show(got)} and not {show(expected)}"
    pairs = enumerate(zip(expected, got, strict=True))
    return next((wrong for index, (want, has) in pairs if (wrong := mismatch(want, has, f"{path}.{index}"))), None)


def _outside(bounds: Bounds, got: Json, path: str) -> str | None:
    if not isinstance(got, int | float) or isinstance(got, bool):
        return f"{path or 'it'} is {show(got)} and no number"
    return None if bounds.hold(got) else f"{path or 'it'} is {got:g} and not {bounds}"

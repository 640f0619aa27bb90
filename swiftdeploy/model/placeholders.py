"""`{port}`, `{instance}` and `{state}` in what a manifest says of an instance: filled in when one is started."""

from __future__ import annotations

import re
from collections.abc import Mapping

# `{{port}}` and `${port}` are other programs' templates, and stay as they are
_BRACES = re.compile(r"\{\{[a-z]+\}\}|\$\{[a-z]+\}|(?P<literal>\\?)\{(?P<name>[a-z]+)\}")


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each `{name}` of `values` replaced. `\\{name}` gives a literal `{name}`; all else stays."""

    def value(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in values:
            return found[0]
        return found[0][1:] if found["literal"] else values[name]

    return _BRACES.sub(value, text)


def names(text: str) -> frozenset[str]:
    """The names that `filled` would look for in a text."""
    return frozenset(one["name"] for one in _BRACES.finditer(text) if one["name"] and not one["literal"])

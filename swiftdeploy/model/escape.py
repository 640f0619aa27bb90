"""Values as nginx tokens, Compose scalars and JSON: none can break out of its place or be interpolated."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

_JSON_SAFE = re.compile(r"[A-Za-z0-9.,:@_+/-]")
_YAML_PLAIN = {chr(code) for code in range(0x20, 0x7F)} - {'"', "\\"}


@dataclass(frozen=True)
class Prose:
    """Free text of a user, such as `contact`. In an nginx file it becomes a JSON string of safe characters."""

    text: str


@dataclass(frozen=True)
class Location:
    """A path for nginx's `location`, which interpolates nothing: a `$` in it stands for itself."""

    path: str


def nginx(value: object) -> str:
    """One nginx token: texts quoted, whole numbers bare, True as `on`.

    nginx has no escape for `$`, and whether a `$` is interpolated depends on the directive, so a text with one is
    refused, as are control characters. Raises ValueError (a value with no safe form) or TypeError (no scalar).
    """
    if isinstance(value, Prose):
        return json_string(value.text)
    if isinstance(value, Location):
        return _nginx_quoted(value.path)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} cannot stand in an nginx file; print its parts one by one")
    if "$" in value:
        raise ValueError(f"{value!a} cannot stand in an nginx file: it holds '$'")
    return _nginx_quoted(value)


def _nginx_quoted(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"{text!a} cannot stand in an nginx file: it holds a control character")
    return '"' + re.sub(r"""(["'\\])""", r"\\\1", text) + '"'


def compose(value: object) -> str:
    """One YAML value (scalar, list or mapping) in JSON notation, each `$` doubled: Compose interpolates every value.

    Raises ValueError (NaN, lone surrogates) or TypeError (no JSON value).
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot stand in a Compose file")
        # a float without a dot, 1e-05, is text to readers of YAML 1.1
        return re.sub(r"^(-?\d+)e", r"\1.0e", json.dumps(value))
    if isinstance(value, Prose):
        return compose(value.text)
    if isinstance(value, str):
        return '"' + "".join(map(_yaml_sign, value.replace("$", "$$"))) + '"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{compose(str(key))}: {compose(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(compose, value)) + "]"
    raise TypeError(f"a {type(value).__name__} cannot stand in a Compose file")


def _yaml_sign(sign: str) -> str:
    if sign in _YAML_PLAIN:
        return sign
    code = ord(sign)
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"{sign!a} cannot stand in a Compose file: it is half a character")
    # beyond the BMP a JSON pair of surrogates would be two characters to YAML, which has \U instead
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def json_string(text: str) -> str:
    """A JSON string of safe ASCII only, so that nginx sees no quote, `$`, brace, semicolon or line end in it."""
    return '"' + "".join(sign if _JSON_SAFE.match(sign) else _json_sign(sign) for sign in text) + '"'


def _json_sign(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))

"""Rego text as tokens."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from swiftdeploy.model.regolang.tree import Unread

KEYWORDS = frozenset(
    "package import as default else true false null not some with if in contains every".split()  # noqa: SIM905
)
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*)
    |(?P<newline>\n)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<raw>`[^`]*`)
    |(?P<sign>:=|==|!=|<=|>=|[-<>=+*/%&|,;:.(){}\[\]])""",
    re.VERBOSE,
)
_LONGEST = 15  # digits that a double keeps


class Token(NamedTuple):
    """`kind` is name, number, string, sign or end; `text` is a string's own text without quotes. `glued`: nothing
    stands between it and the token before. `fresh`: it is the first of its line."""

    kind: str
    text: str
    at: int
    end: int
    glued: bool
    fresh: bool


def tokens(text: str) -> list[Token]:
    """All tokens of a file, and one `end`. Raises Unread."""
    found: list[Token] = []
    at, glued, fresh = 0, False, True
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unread(at, _stray(text[at]))
        kind, end = str(match.lastgroup), match.end()
        if kind == "newline":
            glued, fresh = False, True
        elif kind == "space":
            glued = False
        else:
            found.append(_token(kind, match.group(), at, end, glued, fresh))
            if glued and kind in ("name", "number") and found[-2].kind == "number":
                raise Unread(found[-2].at, f"{found[-2].text}{match.group()} is neither a number nor a name")
            glued, fresh = True, False
        at = end
    found.append(Token("end", "the end of the file", at, at, False, True))
    return found


def _token(kind: str, text: str, at: int, end: int, glued: bool, fresh: bool) -> Token:
    if kind == "raw":
        return Token("string", text[1:-1], at, end, glued, fresh)
    if kind == "string":
        return Token(kind, _spoken(text, at), at, end, glued, fresh)
    if kind == "number":
        _narrow(text, at)
    return Token(kind, text, at, end, glued, fresh)


def _spoken(text: str, at: int) -> str:
    try:
        return str(json.loads(text))
    except json.JSONDecodeError:
        raise Unread(at, "this text has an escape or a control character that Rego does not know") from None


def _narrow(text: str, at: int) -> None:
    if "e" in text.lower():
        raise Unread(at, f"{text} has an exponent, which the embedded judge does not read", "write its digits")
    if len(text.replace(".", "").strip("0")) > _LONGEST:
        raise Unread(at, f"{text} has more than {_LONGEST} digits, which not every judge keeps", "write fewer digits")


def _stray(sign: str) -> str:
    if sign in "\"'`":
        kind = {'"': "text", "'": "text", "`": "raw text"}[sign]
        return f"this {kind} does not end" if sign != "'" else "texts stand in double quotes"
    return f"{sign!r} means nothing here"

"""Breaks policies in the ways in which people do: typos, wrong names, operators, arguments, kinds, imports, lines."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Break = Callable[[str, random.Random], str]
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|:=|==|!=|<=|>=|[A-Za-z_]\w*|\d+(?:\.\d+)?|[^\s\w]')
_NAME = re.compile(r"\b[A-Za-z_]\w*\b")
_OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", ":=", "=", "|", "&", "in")
_KEYWORDS = ("if", "in", "not", "some", "every", "contains", "default", "else", "with", "true", "false", "null", "as")
_FUNCTIONS = (
    *(
        "count",
        "sum",
        "max",
        "min",
        "upper",
        "lower",
        "abs",
        "round",
        "ceil",
        "floor",
        "is_number",
        "is_string",
        "trim",
    ),
    *("to_number", "concat", "sprintf", "startswith", "contains", "indexof", "split", "sort", "object.get", "walk"),
    *("object.keys", "json.marshal", "http.send", "time.parse_ns", "net.cidr_contains", "rego.metadata.rule", "any"),
    *("array.concat", "numbers.range", "regex.match", "format_int", "type_name", "limits.given", "time.now_ns", "all"),
)
_VALUES = (
    "null",
    "true",
    "false",
    "1",
    "0",
    "-1",
    '"a"',
    "[]",
    "{}",
    "set()",
    "input",
    "data",
    "input.nothing",
    "_",
    "x",
)
_LINES = (
    *("some x", "x := 1", "not x", "some x in input", "input.nothing", "x == 1", "upper(1)", '1 + "a"', "x := y"),
    *("not input.nothing > 1", "count(input.nothing) >= 0", "every x in input { x }", "true", "false", "_ := input"),
    *("input.error_rate_percent[0]", "http.send({})", "not is_null(input.samples)", "not data.thresholds.nothing < 1"),
)


def broken(text: str, chance: random.Random) -> str:
    """The text with one or two things wrong with it, or the same by chance."""
    for _ in range(1 if chance.random() < 0.8 else 2):
        text = chance.choice(BREAKS)(text, chance)
    return text


def _spots(text: str, pattern: re.Pattern[str] = _TOKEN) -> list[re.Match[str]]:
    start = text.find("package")
    return [one for one in pattern.finditer(text) if one.start() >= start and not _in_comment(text, one.start())]


def _in_comment(text: str, at: int) -> bool:
    return "#" in text[text.rfind("\n", 0, at) + 1 : at]


def _at(text: str, spot: re.Match[str], new: str) -> str:
    return text[: spot.start()] + new + text[spot.end() :]


def typo(text: str, chance: random.Random) -> str:
    """A letter of a name is lost, doubled or swapped."""
    spot = chance.choice(_spots(text, _NAME))
    word, at = spot.group(), chance.randrange(len(spot.group()))
    kinds = (
        word[:at] + word[at + 1 :],
        word[: at + 1] + word[at:],
        word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    )
    return _at(text, spot, chance.choice(kinds))


def other_name(text: str, chance: random.Random) -> str:
    """A name is replaced by another one of the file."""
    names = _spots(text, _NAME)
    return _at(text, chance.choice(names), chance.choice(names).group())


def other_token(text: str, chance: random.Random) -> str:
    """Any token is replaced by another one of the file."""
    tokens = _spots(text)
    return _at(text, chance.choice(tokens), chance.choice(tokens).group())


def lost_token(text: str, chance: random.Random) -> str:
    """A token is lost."""
    return _at(text, chance.choice(_spots(text)), "")


def double_token(text: str, chance: random.Random) -> str:
    """A token stands twice."""
    spot = chance.choice(_spots(text))
    return _at(text, spot, spot.group() + " " + spot.group())


def operator(text: str, chance: random.Random) -> str:
    """An operator becomes another."""
    spots = [one for one in _spots(text) if one.group() in _OPERATORS]
    return _at(text, chance.choice(spots), chance.choice(_OPERATORS)) if spots else text


def keyword(text: str, chance: random.Random) -> str:
    """A keyword becomes another, or is lost."""
    spots = [one for one in _spots(text) if one.group() in _KEYWORDS]
    return _at(text, chance.choice(spots), chance.choice((*_KEYWORDS, ""))) if spots else text


def arguments(text: str, chance: random.Random) -> str:
    """A call has one argument more, or one less."""
    spots = _spots(text, re.compile(r"\(([^()]*)\)"))
    if not spots:
        return text
    spot = chance.choice(spots)
    args = [one.strip() for one in spot.group(1).split(",")]
    if chance.random() < 0.5:
        args.insert(chance.randint(0, len(args)), chance.choice(_VALUES))
    else:
        del args[chance.randrange(len(args))]
    return _at(text, spot, f"({', '.join(args)})")


def value(text: str, chance: random.Random) -> str:
    """A value or a name becomes a value of some kind."""
    spots = [one for one in _spots(text) if re.match(r'["\d]|[a-z]', one.group()) and one.group() not in _KEYWORDS]
    return _at(text, chance.choice(spots), chance.choice(_VALUES))


def function(text: str, chance: random.Random) -> str:
    """A function becomes another, or a value is given to one."""
    calls = _spots(text, re.compile(r"\b[a-z_][\w.]*(?=\()"))
    if calls and chance.random() < 0.6:
        return _at(text, chance.choice(calls), chance.choice(_FUNCTIONS))
    spots = _spots(text, re.compile(r"\b(?:input|data)(?:\.\w+)+"))
    if not spots:
        return text
    spot = chance.choice(spots)
    return _at(text, spot, f"{chance.choice(_FUNCTIONS)}({spot.group()})")


def field(text: str, chance: random.Random) -> str:
    """A field more, less or of another name."""
    spots = _spots(text, re.compile(r"\.\w+"))
    if not spots:
        return text
    spot = chance.choice(spots)
    return _at(text, spot, chance.choice(("", spot.group() + ".x", ".nothing", '["x"]', "[0]", "[_]", "[i]", "[x]")))


def dotted(text: str, chance: random.Random) -> str:
    """A rule gets a dotted name or a key."""
    spot = chance.choice(_spots(text, re.compile(r"^[a-z_]\w*", re.MULTILINE)))
    return _at(text, spot, spot.group() + chance.choice((".max", ".a.b", '["a"]', "[x]", "(x)", "(_)")))


def lost_line(text: str, chance: random.Random) -> str:
    """A line is lost, an import for instance."""
    lines = text.splitlines()
    del lines[chance.randrange(len(lines))]
    return "\n".join(lines) + "\n"


def swapped_lines(text: str, chance: random.Random) -> str:
    """Two neighbouring lines change places."""
    lines = text.splitlines()
    at = chance.randrange(len(lines) - 1)
    lines[at : at + 2] = lines[at : at + 2][::-1]
    return "\n".join(lines) + "\n"


def double_line(text: str, chance: random.Random) -> str:
    """A line stands again somewhere."""
    lines = text.splitlines()
    lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    return "\n".join(lines) + "\n"


def new_line(text: str, chance: random.Random) -> str:
    """A body has a line more."""
    spots = _spots(text, re.compile(r"\{\n"))
    if not spots:
        return text
    spot = chance.choice(spots)
    return _at(text, spot, f"{{\n\t{chance.choice(_LINES)}\n")


def negated(text: str, chance: random.Random) -> str:
    """A line is negated, or no longer."""
    spots = _spots(text, re.compile(r"(?<=\n\t)(?:not )?(?=[a-z])|(?<= if )(?:not )?(?=[a-z])"))
    if not spots:
        return text
    spot = chance.choice(spots)
    return _at(text, spot, "" if spot.group() else "not ")


BREAKS: tuple[Break, ...] = (
    *(typo, typo, other_name, other_name, other_token, lost_token, double_token, operator, operator, keyword),
    *(arguments, value, value, function, function, field, field, dotted, lost_line, swapped_lines, double_line),
    *(new_line, new_line, negated),
)

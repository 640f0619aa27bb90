"""One YAML text as plain data, with the place of every key and value in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from swiftdeploy.model.errors import Finding
from swiftdeploy.model.yamlscalars import Plain

Path: TypeAlias = tuple[str | int, ...]
At = Literal["key", "value"]

MAX_SOURCE = 160  # a longer source line tells a reader nothing

_LINE_BREAK = re.compile("\r\n|\r|\n")
_SIMPLE_KEY = re.compile(r"[^\s.\[\]\"']{1,80}")


@dataclass(frozen=True)
class Place:
    """A piece of the text: `start` and `end` are offsets, `line` and `column` count from 1."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True)
class Entry:
    """Where a key and its value stand; of a list item and of the root both are the value. `style` is the quote
    (`'` or `"`), `|`, `>` or nothing of a scalar, `{` or `[` of a flow collection, `block` of any other."""

    key: Place
    value: Place
    style: str


@dataclass(frozen=True)
class Document:
    """One YAML text as plain data. `whole` is False when reading had to stop (then `data` is None); `spoiled` are
    the paths whose value could not be used and that already have a finding. Text in `secret_spans` (offsets) is
    never shown in a source line."""

    file: str
    text: str
    data: Plain
    places: Mapping[Path, Entry]
    findings: tuple[Finding, ...] = ()
    whole: bool = True
    spoiled: frozenset[Path] = frozenset()
    secret_spans: tuple[tuple[int, int], ...] = ()

    def finding(self, path: Path, what: str, hint: str = "", at: At = "value") -> Finding:
        """What is wrong at a path. A path that is not there is shown at the nearest key above it."""
        place = self._place(path, at)
        return Finding(self.file, place.line, place.column, path_text(path), what, self._source(place), hint)

    def raw(self, path: Path) -> str:
        """The value as it is written in the text, quotes included."""
        place = self.places[path].value
        return self.text[place.start : place.end]

    def _place(self, path: Path, at: At) -> Place:
        if path in self.places:
            entry = self.places[path]
            return entry.key if at == "key" else entry.value
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path].key if path in self.places else Place(0, 0, 1, 1)

    def _source(self, place: Place) -> str:
        return source_line(self._shown, place.line, place.column)

    @cached_property
    def _shown(self) -> list[str]:
        return lines_of(masked(self.text, self.secret_spans))


def masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with every character of these spans as `*`: a secret is never shown."""
    pieces, at = [], 0
    for start, end in spans:
        start = max(start, at)
        pieces += [text[at:start], re.sub(r"[^\r\n]", "*", text[start:end])]
        at = end
    return "".join(pieces) + text[at:]


def lines_of(text: str) -> list[str]:
    """The lines without their ends and without a BOM."""
    return _LINE_BREAK.split(text.removeprefix("\ufeff"))


def source_line(lines: list[str], line: int, column: int) -> str:
    """The source line to show with a caret under `column`: printable, tabs as one blank, cut when it is long."""
    if line > len(lines) or column > MAX_SOURCE:
        return ""
    shown = lines[line - 1][:MAX_SOURCE].rstrip()
    return "".join(one if one.isprintable() else " " for one in shown)


def path_text(path: Path) -> str:
    """`services.command[2]`; a key that is not a simple word is quoted."""
    words = ""
    for one in path:
        if isinstance(one, int):
            words += f"[{one}]"
        elif _SIMPLE_KEY.fullmatch(one) and one.isprintable():
            words += f".{one}"
        else:
            words += f".{one if len(one) <= 80 else one[:77] + '...'!a}"
    return words.removeprefix(".")

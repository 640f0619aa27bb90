"""Changes single values in a YAML text and leaves every other byte of it as it was."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from swiftdeploy.model.errors import BadFile, Unreadable
from swiftdeploy.model.state import Track
from swiftdeploy.model.yamldocument import Document, Entry, Path, Place
from swiftdeploy.model.yamlscalars import resolved
from swiftdeploy.model.yamltree import UNREADABLE, load

Value: TypeAlias = "bool | int | float | str | Sequence[Value] | Mapping[str, Value] | None"

_MODE: Path = ("services", "mode")
_SECRETS: Path = ("services", "env")
_ENV = "services.env."
_COLON = re.compile(r"[ \t]*:")
_REST_OF_KEY_LINE = re.compile(r"[ \t]*:[ \t]*(?:#[^\r\n]*)?(\r\n|\r|\n)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def with_mode(text: str, mode: Track, file: str = "manifest.yaml") -> str:
    """The manifest's text with `services.mode` set: that scalar only; a missing key is put under `services`.
    Give and write the text with its own line ends (no newline translation). Raises BadFile when it is unreadable."""
    document = _read(text, file)
    entry = document.places.get(_MODE)
    if entry is None:
        parent = document.places.get(_MODE[:1])
        return _inserted(document, _MODE, f'"{mode}"' if parent and _is_json(document, parent) else mode)
    old = _at(document, _MODE)
    if not isinstance(old, str) or not old:
        raise BadFile((document.finding(_MODE, "must be stable or canary"),))
    start = text.rfind(old, entry.value.start, entry.value.end)
    if start < 0:  # written with escapes or over several lines
        return _replaced(document, entry, f'"{mode}"')
    return text[:start] + mode + text[start + len(old) :]


def with_values(text: str, values: Mapping[str, Value], file: str = "manifest.yaml") -> str:
    """The text with dotted keys (`services.version`, `services.env.NAME`) set to values, written as JSON. Missing
    keys and parents are inserted. Raises BadFile when the text is unreadable or a parent is no mapping."""
    for key, value in values.items():
        text = _with_value(_read(text, file), _path(key), value)
    return text


def _path(key: str) -> Path:
    name = key.removeprefix(_ENV)
    path = ("services", "env", name) if name != key else tuple(key.split("."))
    if not all(path):
        raise Unreadable(f"{key!a} is not a dotted key such as services.version")
    return path


def _read(text: str, file: str) -> Document:
    document = load(text, file, secrets=(_SECRETS,))
    if document.findings:
        raise BadFile(document.findings)
    if not isinstance(document.data, dict):
        raise BadFile((document.finding((), "must be a mapping of keys to values"),))
    return document


def _at(document: Document, path: Path) -> Value:
    value: Value = document.data
    for one in path:
        value = value[one]  # type: ignore[index]
    return value


def _with_value(document: Document, path: Path, value: Value) -> str:
    entry = document.places.get(path)
    if entry is not None:
        return _replaced(document, _narrowed(document, path, entry), as_json(value))
    *above, name = path
    parent = tuple(above)
    if parent in document.places and isinstance(_at(document, parent), dict):
        return _inserted(document, path, as_json(value))
    if parent in document.places and _at(document, parent) is not None:
        raise BadFile((document.finding(parent, f"is no mapping, so it can have no key {name!a}"),))
    return _with_value(document, parent, {str(name): value})


def _narrowed(document: Document, path: Path, entry: Entry) -> Entry:
    """A block collection as one span from behind its colon to the end of its last value."""
    if entry.style != "block":
        return entry
    start = entry.value.start
    colon = _COLON.match(document.text, entry.key.end)
    inner = (one for at, one in document.places.items() if at[: len(path)] == path and one.style != "block")
    end = max(_end(document.text, one) for one in inner)
    place = Place(colon.end() if colon else start, end, entry.value.line, entry.value.column)
    return Entry(entry.key, place, "block")


def _end(text: str, entry: Entry) -> int:
    """Where a value really ends: a block scalar's place takes in the line breaks behind it."""
    start, end = entry.value.start, entry.value.end
    return start + len(text[start:end].rstrip()) if entry.style in ("|", ">") else end


def _replaced(document: Document, entry: Entry, written: str) -> str:
    text, start, end = document.text, entry.value.start, _end(document.text, entry)
    if start == end and not _COLON.match(text, entry.key.end):  # `{key}`: a key without even a colon
        written = f": {written}"
    elif start == end or entry.style == "block":
        written = f" {written}"
    return text[:start] + written + text[end:]


def _inserted(document: Document, path: Path, written: str) -> str:
    *above, name = path
    parent = document.places.get(tuple(above))
    if parent is None:
        return _inserted(document, tuple(above), f"{{{_key(name)}: {written}}}")
    if parent.style == "{":
        return _into_flow(document, parent, path, written)
    if parent.style == "block" and isinstance(_at(document, tuple(above)), dict):
        return _into_block(document, parent, f"{_key(name)}: {written}", under_key=bool(above))
    if _at(document, tuple(above)) is None:
        return _replaced(document, parent, f"{{{_key(name)}: {written}}}")
    raise BadFile((document.finding(tuple(above), f"is no mapping, so it can have no key {name!a}"),))


def _into_flow(document: Document, parent: Entry, path: Path, written: str) -> str:
    text, at = document.text, parent.value.start + 1
    *above, name = path
    shown = as_json(str(name)) if _is_json(document, parent) else _key(name)
    return text[:at] + f"{shown}: {written}" + (", " if _at(document, tuple(above)) else "") + text[at:]


def _is_json(document: Document, parent: Entry) -> bool:
    """True of a mapping whose first key, or of an empty one whose own, is in double quotes: a JSON writer's."""
    if parent.style != "{":
        return False
    inner = document.text[parent.value.start + 1 : parent.value.end].lstrip()
    return inner.startswith('"') or (inner == "}" and document.text[parent.key.start] == '"')


def _into_block(document: Document, parent: Entry, line: str, under_key: bool) -> str:
    text, first = document.text, parent.value
    indent = " " * (first.column - 1)
    above = _REST_OF_KEY_LINE.match(text, parent.key.end) if under_key else None
    if above:  # directly under `services:`, so that a comment above the first key stays with it
        return text[: above.end()] + indent + line + above[1] + text[above.end() :]
    line_break = _LINE_BREAK.search(text)
    return text[: first.start] + line + (line_break[0] if line_break else "\n") + indent + text[first.start :]


def _key(name: str | int) -> str:
    word = str(name)
    return word if _WORD.fullmatch(word) and isinstance(resolved(word), str) else as_json(word)


def as_json(value: Value) -> str:
    """A value as JSON on one line that YAML 1.2 reads as the same value."""
    if isinstance(value, str):
        return UNREADABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_json(str(name))}: {as_json(one)}" for name, one in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(as_json, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return json.dumps(value)

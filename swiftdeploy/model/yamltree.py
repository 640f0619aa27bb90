"""Reads one YAML text into plain data with a place for every key and value, and finds everything wrong at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import yaml

from swiftdeploy.model.errors import Finding
from swiftdeploy.model.yamldocument import Document, Entry, Path, Place, lines_of, masked, path_text, source_line
from swiftdeploy.model.yamlproblems import plainly
from swiftdeploy.model.yamlscalars import Plain, number_is_too_long, resolved

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_FINDINGS = 100

# What YAML forbids, and besides: characters that some programs take for a line break, and a BOM in mid-text.
UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def load(text: str, file: str = "manifest.yaml", secrets: tuple[Path, ...] = ()) -> Document:
    """Read one YAML document by the core schema of YAML 1.2. Never raises: what is wrong is in `findings`. Scalars
    below a path in `secrets` are masked in every source line that a finding shows."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        what = f"is larger than {MAX_BYTES // 1024} KiB, the most that is read"
        return Document(file, "", None, {}, (Finding(file, 0, 0, "", what),), whole=False)
    unreadable = _unreadable(text, file)
    if unreadable:
        return Document(file, text, None, {}, unreadable, whole=False)
    return _Composer(text, file, secrets).document()


def _unreadable(text: str, file: str) -> tuple[Finding, ...]:
    start = 1 if text.startswith("\ufeff") else 0
    found = []
    for match in UNREADABLE.finditer(text, start):
        before = lines_of(text[: match.start()])
        what = f"has the character U+{ord(match.group()):04X}, which cannot be used in YAML text"
        hint = "remove it, or write it as an escape in a double-quoted text"
        line, column = len(before), len(before[-1]) + 1
        found.append(Finding(file, line, column, "", what, source_line(lines_of(text), line, column), hint))
        if len(found) == 10:
            break
    return tuple(found)


@dataclass
class _Frame:
    """A collection that is being read. `key` is the key whose value comes next; it is thrown away unless `stores`."""

    path: Path
    into: dict[str, Plain] | list[Plain]
    opened: Place
    style: str
    wants_key: bool
    key: str = "?"
    key_place: Place | None = None
    stores: bool = True

    def child(self) -> Path:
        return (*self.path, len(self.into) if isinstance(self.into, list) else self.key)


class _Stop(Exception):
    """Reading cannot go on; the finding is noted."""


@dataclass
class _Composer:
    """Builds the data from the parser's events with a stack of its own, so that no text can exhaust Python's."""

    text: str
    file: str
    secrets: tuple[Path, ...]
    places: dict[Path, Entry] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    spoiled: set[Path] = field(default_factory=set)
    stack: list[_Frame] = field(default_factory=list)
    data: Plain = None
    secret_spans: list[tuple[int, int]] = field(default_factory=list)
    last: Place = field(default_factory=lambda: Place(0, 0, 1, 1))
    documents: int = 0
    skipping: int = 0

    def document(self) -> Document:
        whole = True
        try:
            self._read()
        except _Stop:
            whole = False
        data = self.data if whole else None
        spans = tuple(self.secret_spans)
        lines = lines_of(masked(self.text, spans))
        found = tuple(replace(one, source=source_line(lines, one.line, one.column)) for one in self.findings)
        return Document(self.file, self.text, data, self.places, found, whole, frozenset(self.spoiled), spans)

    def _read(self) -> None:
        try:
            for event in yaml.parse(self.text, yaml.SafeLoader):
                self.last = _place(event)
                if isinstance(event, yaml.DocumentStartEvent):
                    self.documents += 1
                    if self.documents > 1:
                        self._find(_place(event), (), "starts a second document; only one is read", "remove it")
                        return
                self._take(event)
        except yaml.MarkedYAMLError as problem:
            self._syntax(problem)
        except (ValueError, OverflowError):
            # PyYAML passes numbers of escapes and of directives to chr() and int() unchecked
            self._find(self.last, (), "is not valid YAML: a number in an escape is out of range")
            raise _Stop from None

    def _take(self, event: yaml.Event) -> None:
        if self.skipping:
            self.skipping += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            self._check_depth(event, len(self.stack) + self.skipping)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        if self._at_key():
            self._bad_key(event, "a key must be a plain word, not a list or a mapping")
            self.skipping = 1
            return
        self._check_depth(event, len(self.stack) + 1)
        self._check_properties(event, self._path())
        mapping = isinstance(event, yaml.MappingStartEvent)
        style = ("{" if mapping else "[") if event.flow_style else "block"
        into: dict[str, Plain] | list[Plain] = {} if mapping else []
        opened = _place(event)
        frame = _Frame(self._path(), into, opened, style, wants_key=mapping)
        self._note(frame.path, opened, style)
        self.stack.append(frame)

    def _close(self, event: yaml.CollectionEndEvent) -> None:
        frame = self.stack.pop()
        whole = replace(frame.opened, end=_place(event).end)
        self._note(frame.path, whole, frame.style, closing=frame.opened)
        self._store(frame.into)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._at_key():
            self._bad_key(event, f"the alias *{event.anchor} cannot be used here; write the key out")
            return
        path = self._path()
        self._find(_place(event), path, f"the alias *{event.anchor} cannot be used here; write the value out")
        self.spoiled.add(path)
        self._note(path, _place(event), "")
        self._store(None)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        quoted = event.style is not None
        if self._at_key():
            self._key(event, event.value if quoted else resolved(event.value))
            return
        path = self._path()
        self._check_properties(event, path)
        place = _place(event)
        self._note(path, place, event.style or "")
        if self._is_secret(path):
            self.secret_spans.append((place.start, place.end))
        if not quoted and number_is_too_long(event.value):
            self._find(_place(event), path, f"is a number of {len(event.value)} digits, too long to be read")
            self.spoiled.add(path)
            self._store(None)
            return
        if not _encodes(event.value):
            self._find(_place(event), path, "has half of a surrogate pair, which is no character")
            self.spoiled.add(path)
        self._store(event.value if quoted else resolved(event.value))

    def _key(self, event: yaml.ScalarEvent, key: Plain) -> None:
        frame = self.stack[-1]
        self._check_properties(event, frame.path)
        if not isinstance(key, str) or not _encodes(key):
            self._no_text(event, key)
            return
        assert isinstance(frame.into, dict)
        place = _place(event)
        frame.wants_key, frame.key, frame.key_place, frame.stores = False, key, place, key not in frame.into
        if key in frame.into:
            first = self.places[(*frame.path, key)].key
            self._find(_place(event), (*frame.path, key), f"is given twice, first in line {first.line}")

    def _no_text(self, event: yaml.ScalarEvent, key: Plain) -> None:
        shown = event.value[:40]
        if isinstance(key, str):
            self._bad_key(event, "a key has half of a surrogate pair, which is no character")
        elif not shown:
            self._bad_key(event, "a key is missing here")
        else:
            self._bad_key(event, f"a key must be text, but YAML reads {shown} as {_kind(key)}", f'write "{shown}"')

    def _bad_key(self, event: yaml.NodeEvent, what: str, hint: str = "") -> None:
        frame = self.stack[-1]
        self._find(_place(event), frame.path, what, hint)
        frame.wants_key, frame.key, frame.stores = False, "?", False
        frame.key_place = _place(event)

    def _check_depth(self, event: yaml.Event, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._find(_place(event), self._path(), f"is nested more than {MAX_DEPTH} levels deep")
            raise _Stop

    def _check_properties(self, event: yaml.NodeEvent, path: Path) -> None:
        if event.anchor is not None:
            self._find(_place(event), path, f"the anchor &{event.anchor} cannot be used here", "remove it")
        tag = getattr(event, "tag", None)
        if tag is not None:
            what = f"the tag {tag[:60]} cannot be used here"
            self._find(_place(event), path, what, "remove it; a text that looks like a number needs quotes")
            self.spoiled.add(path)

    def _at_key(self) -> bool:
        return bool(self.stack) and self.stack[-1].wants_key

    def _path(self) -> Path:
        return self.stack[-1].child() if self.stack else ()

    def _note(self, path: Path, value: Place, style: str, closing: Place | None = None) -> None:
        known = self.places.get(path)
        if known is not None and known.value is not closing:
            return  # a duplicate: the first one keeps its place
        parent = self.stack[-1] if self.stack else None
        key = parent.key_place if parent and parent.key_place else value
        self.places[path] = Entry(known.key if known else key, value, style)

    def _store(self, value: Plain) -> None:
        if not self.stack:
            self.data = value
            return
        frame = self.stack[-1]
        if isinstance(frame.into, list):
            frame.into.append(value)
            return
        if frame.stores:
            frame.into[frame.key] = value
        frame.wants_key = True

    def _find(self, place: Place, path: Path, what: str, hint: str = "") -> None:
        self.findings.append(Finding(self.file, place.line, place.column, path_text(path), what, "", hint))
        if len(self.findings) == MAX_FINDINGS:
            self.findings.append(Finding(self.file, 0, 0, "", "has too many errors; the rest is not read"))
            raise _Stop

    def _is_secret(self, path: Path) -> bool:
        return any(path[: len(secret)] == secret for secret in self.secrets)

    def _syntax(self, problem: yaml.MarkedYAMLError) -> None:
        what, hint = plainly(problem)
        opened = problem.context_mark if "never closed" in what else None
        place = _spot(opened or problem.problem_mark or problem.context_mark)
        if self._is_secret(self._path()):
            self.secret_spans.append((self.text.rfind("\n", 0, place.start) + 1, len(self.text)))
        self._find(place, (), what, hint)
        raise _Stop from None


def _place(event: yaml.Event) -> Place:
    start = _spot(event.start_mark)
    return replace(start, end=_spot(event.end_mark).start)


def _spot(mark: object) -> Place:
    assert isinstance(mark, yaml.Mark)  # PyYAML's own parser marks every event and error
    return Place(mark.index, mark.index, mark.line + 1, mark.column + 1)


def _kind(value: Plain) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"


def _encodes(text: str) -> bool:
    return not any("\ud800" <= one <= "\udfff" for one in text)

"""The journal's lines: events to chained JSON and back, proof of the chain, and what the chain says of now.

A line is one ASCII JSON object: `seq`, `timestamp`, `event`, the event's own fields, `run`, `actor`, `prev`, `hash`.
`hash` is the SHA-256 of the same line without `hash`, as bytes, so checking a line never depends on understanding it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from hashlib import sha256
from itertools import chain, islice
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from swiftdeploy.model import event as events
from swiftdeploy.model.decision import Decision, Json
from swiftdeploy.model.errors import Unreadable
from swiftdeploy.model.event import Blocked, Committed, Decided, Entry, Event, Finished, Intent, Unchanged, Undone
from swiftdeploy.model.state import Release, State

GENESIS = "0" * 64
"""`prev` of the first line, and the head of an empty journal."""

_HASH_MARK = ',"hash":"'
_TAIL_LENGTH = len(_HASH_MARK) + 64 + len('"}')

_PLAIN: Mapping[str, Any] = {
    "intent": Intent,
    "finished": Finished,
    "unchanged": Unchanged,
    "undone": Undone,
    "chaos": events.ChaosSet,
    "status_scrape": events.StatusScrape,
    "journal_repaired": events.JournalRepaired,
}
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_NAMES: Mapping[Any, str] = {kind: name for name, kind in _PLAIN.items()}
_VERBS: tuple[str, ...] = get_args(events.Verb)


class BadLine(Unreadable):
    """A journal line that is no entry, or no longer the one that was written. `line` counts from 1."""

    def __init__(self, file: str, line: int, why: str) -> None:
        super().__init__(
            f"{file}:{line}: {why}",
            "keep a copy of the journal, see `swiftdeploy audit --verify`, and restore it from a backup; or run "
            "`swiftdeploy teardown` and move it away to begin a new one",
        )
        self.line = line
        self.why = why


@dataclass(frozen=True)
class Unknown:
    """An event that a newer version wrote: kept as it is, and never taken for something else."""

    name: str
    fields: Mapping[str, Json]


@dataclass(frozen=True)
class Verdict:
    """What is proven of a journal. `entries` is how many could be read, `head` the hash of the last of them;
    `line` (from 1) and `why` name the first thing that is wrong, `line` 0 when it is not one line's fault."""

    ok: bool
    entries: int
    head: str
    line: int = 0
    why: str = ""

    def __str__(self) -> str:
        if self.ok:
            return f"chain whole: {self.entries} entries, head {self.head}"
        return f"chain broken{f' at line {self.line}' if self.line else ''}: {self.why}"


def encode(event: Event, seq: int, timestamp: str, run: str, actor: str, prev: str) -> str:
    """One journal line without its line end. Numbers that JSON lacks (NaN, infinities) become their names as text."""
    name, own = _own_fields(event)
    record = {"seq": seq, "timestamp": timestamp, "event": name, **own, "run": run, "actor": actor, "prev": prev}
    try:
        body = _dump(record)
    except ValueError:
        body = _dump(_finite(record))
    return f'{body[:-1]}{_HASH_MARK}{sha256(body.encode("ascii")).hexdigest()}"}}'


def decode(line: str) -> Entry:
    """The entry of one line. Raises ValueError, with what is wrong, when it is none or was changed since."""
    body, mark, claimed = line[:-_TAIL_LENGTH] + "}", line[-_TAIL_LENGTH:-66], line[-66:-2]
    if mark != _HASH_MARK or not line.endswith('"}') or not line.isascii():
        raise ValueError("is not a line of this journal")
    if sha256(body.encode("ascii")).hexdigest() != claimed:
        raise ValueError("was changed after it was written: its hash does not fit")
    try:
        return _entry(json.loads(line))
    except (KeyError, TypeError, RecursionError) as wrong:
        raise ValueError(f"is not a line of this journal ({wrong})") from wrong


def read(lines: Iterable[str], file: str) -> Iterator[Entry]:
    """Entries of whole lines, oldest first; raises BadLine at the first that is none."""
    for number, line in enumerate(lines, 1):
        try:
            entry = decode(line)
        except ValueError as wrong:
            raise BadLine(file, number, str(wrong)) from wrong
        yield entry


def verify(entries: Iterable[Entry], head: str = "") -> Verdict:
    """Follow the chain: finds lines that were changed, inserted, doubled, reordered or removed, at the end too when
    `head` is given: a hash (or its first characters) that some command printed, which must still be in the chain.

    `entries` come from `decode` or `read`, which check each line's own hash; a BadLine that they raise is the verdict.
    """
    count, last, line, why = 0, GENESIS, 0, ""
    seen = GENESIS.startswith(head)
    try:
        for entry in entries:
            count += 1
            if not why and (why := _broken_link(entry, count, last)):
                line = count
            last = entry.hash
            seen = seen or last.startswith(head)
    except BadLine as bad:
        line, why = (line, why) if why else (bad.line, bad.why)
    if not why and not seen:
        why = f"the entry {head} is not in it: the end was cut off or written anew"
    return Verdict(not why, count, last, line, why)


def interrupted(backwards: Iterable[Entry]) -> Entry | None:
    """What a crash cut off, or a command that still runs has begun, newest first: an intent without outcome (to be
    undone) or a commit that is not finished. `Blocked` is no outcome: what was begun has still to be put back."""
    for entry in backwards:
        if isinstance(entry.event, Intent | Committed):
            return entry
        if isinstance(entry.event, Finished | Unchanged | Undone):
            return None
    return None


def unfinished(backwards: Iterable[Entry]) -> Intent | Committed | None:
    """The event of `interrupted`."""
    entry = interrupted(backwards)
    return entry.event if entry and isinstance(entry.event, Intent | Committed) else None


def commits(backwards: Iterable[Entry]) -> Iterator[Committed]:
    """Only the commits, in the order given."""
    return (entry.event for entry in backwards if isinstance(entry.event, Committed))


def committed(backwards: Iterable[Entry]) -> Committed | None:
    """The newest commit: what runs now."""
    return next(commits(backwards), None)


def rollback_target(backwards: Iterable[Entry], now: State) -> Release | None:
    """The newest earlier release of the stable track that no rollback has left since; None when there is none.
    What ran before a teardown does not count."""
    return next(_earlier(commits(backwards), now), None)


def kept_releases(backwards: Iterable[Entry], n: int = 5) -> tuple[str, ...]:
    """Ids of the `n` releases to keep, newest first: those that run, then those that rollbacks can go back to."""
    newest_first = commits(backwards)
    now = next(newest_first, None)
    if now is None:
        return ()
    ids = dict.fromkeys(one.release.id for one in now.state.instances)
    for release in islice(_earlier(chain((now,), newest_first), now.state), n):
        ids[release.id] = None
    return tuple(ids)[:n]


def _earlier(backwards: Iterable[Committed], now: State) -> Iterator[Release]:
    passed = {one.release.id for one in now.instances}
    for commit in backwards:
        if commit.verb == "teardown":
            return
        served = commit.state.stable or commit.state.canary  # a canary alone was what all users had
        if served and served.release.id not in passed:
            yield served.release
            passed.add(served.release.id)
        if commit.left:
            passed.add(commit.left)


def _broken_link(entry: Entry, number: int, last: str) -> str:
    if entry.prev == last and entry.seq == number:
        return ""
    if entry.prev == last:
        return f"says it is entry {entry.seq}"
    if number == 1:
        return "is not the beginning: earlier lines were removed"
    return "does not follow the line before it: a line was removed, inserted or moved here"


def _own_fields(event: Event | Unknown) -> tuple[str, Mapping[str, Any]]:
    match event:
        case Committed():
            runs = event.state.instance(event.mode)
            mode = "target_mode" if event.verb == "promote" else "mode"
            rest = {"manifest_digest": event.manifest_digest, "image_digest": runs.release.digest if runs else ""}
            return event.verb, {mode: event.mode, "state": event.state, **rest, "left": event.left, "note": event.note}
        case Decided():
            about = {"release": event.release, "denied_on": event.denied_on} if event.release else {}
            return "decision", {"verb": event.verb, **about, **vars(event.decision)}
        case Blocked():
            return f"{event.verb}_blocked", {"reason": f"{event.gate}_policy", "reasons": event.reasons}
        case Unknown():
            return event.name, event.fields
        case _:
            return _NAMES[type(event)], vars(event)


def _entry(record: dict[str, Any]) -> Entry:
    take = record.pop
    seq, timestamp, name = take("seq"), take("timestamp"), take("event")
    run, actor, prev, own_hash = take("run"), take("actor"), take("prev"), take("hash")
    if type(seq) is not int or {type(timestamp), type(name), type(run), type(actor), type(prev)} != {str}:
        raise ValueError("is not a line of this journal")
    return Entry(seq, timestamp, run, actor, _event(name, record), prev, own_hash)


def _event(name: str, own: dict[str, Any]) -> Event:
    try:
        if name in _PLAIN:
            return cast(Event, _record_builder(_PLAIN[name])(own))
        if name in _VERBS:
            own["mode"] = own.pop("target_mode" if name == "promote" else "mode")
            del own["image_digest"]  # repeated from the state, for people
            return cast(Event, _record_builder(Committed)({"verb": name, **own}))
        if name == "decision":
            verb, release = (_builder(str)(own.pop(key, "")) for key in ("verb", "release"))
            denied_on = _builder(Mapping[str, int])(own.pop("denied_on", {}))
            return Decided(verb, _record_builder(Decision)(own), release, denied_on)
        if name.removesuffix("_blocked") in _VERBS:
            own["gate"] = own.pop("reason").removesuffix("_policy")
            return cast(Event, _record_builder(Blocked)({"verb": name.removesuffix("_blocked"), **own}))
    except (KeyError, TypeError, AttributeError, ValueError) as wrong:
        raise ValueError(f"holds a `{name}` event that this version of SwiftDeploy cannot read ({wrong})") from wrong
    return cast(Event, Unknown(name, own))


@cache
def _builder(kind: Any) -> Callable[[Any], Any]:
    """What turns a JSON value into a value of this type, or raises TypeError, ValueError or KeyError."""
    if is_dataclass(kind):
        return _record_builder(cast(Any, kind))
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return lambda value: value if value in arguments else _misplaced(value)
    if origin in (Union, UnionType):
        (inner,) = (_builder(one) for one in arguments if one is not type(None))
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        each = _builder(arguments[0])
        return lambda value: tuple(map(each, value)) if isinstance(value, list) else _misplaced(value)
    if origin is not None:
        return lambda value: value if isinstance(value, dict) else _misplaced(value)
    if kind is float:
        return _number
    return lambda value: value if type(value) is kind else _misplaced(value)


def _number(value: Any) -> Any:
    if type(value) in (float, int):
        return value
    return _NOT_FINITE[value] if value in _NOT_FINITE else _misplaced(value)


@cache
def _record_builder(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    parts = [(one.name, _builder(hints[one.name])) for one in fields(kind)]
    named = {name for name, _ in parts}
    needed = {one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING}

    def build(value: Any) -> Any:
        if not isinstance(value, dict):
            _misplaced(value)
        if value.keys() != named and (value.keys() - named or needed - value.keys()):
            raise ValueError(f"fields {sorted(value)}")
        return kind(**{name: make(value[name]) for name, make in parts if name in value})

    return build


def _misplaced(value: Any) -> Any:
    raise TypeError(f"{value!r:.80} is out of place")


def _dump(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), default=_plain, allow_nan=False)


def _plain(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else vars(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, Mapping) or is_dataclass(value):
        return {key: _finite(one) for key, one in _plain(value).items()}
    return value


__all__ = [
    "GENESIS", "BadLine", "Unknown", "Verdict", "commits", "committed", "decode", "encode", "interrupted",
    "kept_releases", "read", "rollback_target", "unfinished", "verify",
]  # fmt: skip

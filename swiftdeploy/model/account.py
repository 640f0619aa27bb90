"""What an audit report needs of a journal, gathered entry by entry in bounded memory."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from swiftdeploy.model.decision import Decision, Json
from swiftdeploy.model.event import (
    Blocked,
    ChaosSet,
    Committed,
    Decided,
    Entry,
    Finished,
    Intent,
    JournalRepaired,
    StatusScrape,
    Unchanged,
    Undone,
)
from swiftdeploy.model.journal import Unknown
from swiftdeploy.model.page import Table
from swiftdeploy.model.state import State

VIOLATIONS = 500  # a dashboard that watches a bad canary over night writes 8,000
ROWS = 5000
POINTS = 1000

PASS = {True: "✔ PASS", False: "✘ FAIL", None: "–"}
RED = "🟥"


@dataclass
class Newest:
    """The newest rows, and how many there were in all."""

    limit: int
    rows: deque[tuple[str, ...]] = field(default_factory=deque)
    total: int = 0

    def add(self, *row: str) -> None:
        self.total += 1
        self.rows.append(row)
        if len(self.rows) > self.limit:
            self.rows.popleft()

    def table(self, *columns: str) -> Table:
        return Table(columns, tuple(self.rows), self.total - len(self.rows))


def _rows() -> Newest:
    return Newest(ROWS)


@dataclass
class Plotted:
    """At most 1,000 points; when there are more, the higher of two neighbours stays."""

    points: list[float] = field(default_factory=list)
    stride: int = 1
    pending: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.pending.append(value)
        if len(self.pending) == self.stride:
            self.points.append(max(self.pending))
            self.pending.clear()
        if len(self.points) > POINTS:
            self.points = [max(self.points[at : at + 2]) for at in range(0, len(self.points), 2)]
            self.stride *= 2


@dataclass
class Account:
    """The sums and the newest rows of every table. `begun` is the intent that has no outcome yet."""

    first: str = ""
    last: str = ""
    mode: str = "unknown"
    begun: Entry | None = None
    decisions: deque[Entry] = field(default_factory=lambda: deque(maxlen=ROWS))
    decided: int = 0
    modes: Newest = field(default_factory=_rows)
    violations: Newest = field(default_factory=lambda: Newest(VIOLATIONS))
    overrides: Newest = field(default_factory=_rows)
    rollbacks: Newest = field(default_factory=_rows)
    chaos: Newest = field(default_factory=_rows)
    commands: Newest = field(default_factory=_rows)
    notes: Newest = field(default_factory=_rows)
    scrapes: int = 0
    scraped: tuple[str, str] = ("", "")
    error_rates: Plotted = field(default_factory=Plotted)
    latencies: Plotted = field(default_factory=Plotted)

    def noting(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Hands the entries on, so that one reading of the journal serves the proof and the report."""
        for entry in entries:
            self.add(entry)
            yield entry

    def add(self, entry: Entry) -> None:
        at, event = entry.timestamp, entry.event
        self.first, self.last = self.first or at, at
        match event:
            case StatusScrape():
                self._scrape(at, event)
            case Intent():
                self._intent(entry, event)
            case Decided():
                self._decide(entry, event)
            case Blocked():
                self._command(entry, event.verb, f"✘ blocked by {event.gate} policy", "; ".join(event.reasons))
            case Committed():
                self._commit(entry, event)
            case Unchanged():
                self._outcome(entry, event.verb, "already so", event.note)
            case Undone():
                self._outcome(entry, event.verb, "✘ undone", event.reason)
            case ChaosSet():
                self.chaos.add(at, event.target, event.fault, _options(event.options), entry.actor)
            case JournalRepaired():
                self.notes.add(at, f"a torn last line of {event.removed_bytes} bytes was cut off", entry.actor)
            case Finished():
                pass
            case _:
                self._unknown(entry)

    def interrupted(self) -> None:
        """A command that has no outcome: it runs still, or it was killed."""
        if self.begun and isinstance(self.begun.event, Intent):
            self._command(self.begun, self.begun.event.verb, "✘ no outcome", self.begun.event.goal)
        self.begun = None

    def _intent(self, entry: Entry, event: Intent) -> None:
        self.interrupted()
        self.begun = entry

    def _decide(self, entry: Entry, event: Decided) -> None:
        decision = event.decision
        self.decisions.append(entry)
        self.decided += 1
        if decision.outcome == "deny":
            self.violations.add(entry.timestamp, *_judged(decision))
        if decision.override:
            said = "; ".join(reasons(decision))
            self.overrides.add(entry.timestamp, f"{RED} {event.verb}", decision.override, said, entry.actor)
        if decision.unenforced:
            said = "the judge was not available, so nothing was enforced"
            self.overrides.add(entry.timestamp, f"{RED} {event.verb}", "opa.on_unavailable: allow", said, entry.actor)

    def _commit(self, entry: Entry, event: Committed) -> None:
        to = event.mode if event.state.instances else "nothing"
        if to != self.mode:
            self.modes.add(entry.timestamp, self.mode, to)
        self.mode = to
        if event.verb == "rollback":
            self.rollbacks.add(entry.timestamp, event.left or "–", running(event.state), event.note, entry.actor)
        self._outcome(entry, event.verb, "✔ done", event.note, running(event.state), _short(event.manifest_digest))

    def _outcome(self, entry: Entry, verb: str, outcome: str, note: str, runs: str = "", manifest: str = "") -> None:
        self.begun = None
        self._command(entry, verb, outcome, note, runs, manifest)

    def _command(self, entry: Entry, verb: str, outcome: str, note: str, runs: str = "", manifest: str = "") -> None:
        self.commands.add(entry.timestamp, verb, outcome, note, runs, manifest, entry.actor)

    def _scrape(self, at: str, event: StatusScrape) -> None:
        self.scrapes += 1
        self.scraped = (self.scraped[0] or at, at)
        if event.error_rate_percent is not None:
            self.error_rates.add(event.error_rate_percent)
        if event.p99_latency_ms is not None:
            self.latencies.add(event.p99_latency_ms)
        if event.policy_infra_pass is False or event.policy_canary_pass is False:
            passes = (PASS[event.policy_infra_pass], PASS[event.policy_canary_pass])
            figures = (_figure(event.error_rate_percent, "%"), _figure(event.p99_latency_ms, "ms"))
            self.violations.add(at, *passes, *figures)

    def _unknown(self, entry: Entry) -> None:
        name = entry.event.name if isinstance(entry.event, Unknown) else ""
        self.notes.add(entry.timestamp, f"an event `{name}` of a newer version", entry.actor)


def running(state: State) -> str:
    """What runs, in words: `1.0.0 (1f0c9a3b2d4e) stable, 2.0.0 (9a3b2d4e1f0c) canary 25 %`."""
    share = {"stable": "", "canary": f" {state.weight} %"}
    words = [f"{one.release.label} {one.track}{share[one.track]}" for one in state.instances]
    return ", ".join(words) or "nothing"


def reasons(decision: Decision) -> tuple[str, ...]:
    """The policy's reasons, or why there is no decision."""
    return (decision.failure, *decision.reasons) if decision.failure else decision.reasons


def _judged(decision: Decision) -> tuple[str, str, str, str]:
    passes = {decision.gate: PASS[decision.allow]}
    figures = (decision.input.get("error_rate_percent"), decision.input.get("p99_latency_ms"))
    shown = (_figure(figures[0], "%"), _figure(figures[1], "ms"))
    return passes.get("infrastructure", PASS[None]), passes.get("canary", PASS[None]), *shown


def _short(digest: str) -> str:
    return digest[: len("sha256:") + 12]  # the journal has the rest


def _figure(value: Json, unit: str) -> str:
    return f"{value:.1f}{unit}" if isinstance(value, int | float) and not isinstance(value, bool) else "–"


def _options(options: Mapping[str, Json]) -> str:
    return ", ".join(f"{name} {json.dumps(value)}" for name, value in options.items())

"""What can happen, as records: the events of the journal. The codec and the hash chain are in `journal`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from swiftdeploy.model.decision import Decision, Gate, Json
from swiftdeploy.model.state import State, Track

Verb = Literal["deploy", "promote", "rollback", "teardown"]


@dataclass(frozen=True)
class Intent:
    """A changing command is about to act. Journal event `intent`."""

    verb: Verb
    goal: str
    override: str = ""


@dataclass(frozen=True)
class Decided:
    """A gate asked policy. Journal event `decision`. `release` is the id of what the canary gate judged; `denied_on`
    names the sources of users' requests (`users`, `proxy`) that a denial followed from, with their samples."""

    verb: str
    decision: Decision
    release: str = ""
    denied_on: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Blocked:
    """A gate stopped a command. Journal event `deploy_blocked` or `promote_blocked`, with the article's field
    `reason`: `infrastructure_policy` or `canary_policy`."""

    verb: Verb
    gate: Gate
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Committed:
    """The world was changed and this is what runs. Journal event named by its verb (`deploy`, `promote`,
    `rollback`, `teardown`) with the article's fields `mode` (deploy) or `target_mode` (promote).
    `left` is the id of the release that a rollback left, which no later rollback goes back to."""

    verb: Verb
    mode: Track
    state: State
    manifest_digest: str
    left: str = ""
    note: str = ""


@dataclass(frozen=True)
class Finished:
    """What follows a commit is done too: files written, old instances drained and stopped. Event `finished`.
    A newest commit without it was cut off by a crash, and the next changing command finishes it."""

    verb: Verb


@dataclass(frozen=True)
class Unchanged:
    """A changing command found that all is so already, or only repaired what was missing. Event `unchanged`."""

    verb: Verb
    note: str


@dataclass(frozen=True)
class Undone:
    """A changing command failed or died, and what it had begun was put back. Event `undone`."""

    verb: Verb
    reason: str


@dataclass(frozen=True)
class ChaosSet:
    """A fault was injected or taken back. Event `chaos`."""

    target: Literal["stable", "canary", "judge"]
    fault: str
    options: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class StatusScrape:
    """One refresh of the live dashboard. Event `status_scrape`, with the article's field names; None = unknown."""

    mode: Track | None
    error_rate_percent: float | None
    p99_latency_ms: float | None
    chaos: str | None
    policy_infra_pass: bool | None
    policy_canary_pass: bool | None
    samples: int = 0


@dataclass(frozen=True)
class JournalRepaired:
    """The last line was torn (a crash in the middle of a write) and was cut off. Event `journal_repaired`."""

    removed_bytes: int


Event = (
    Intent | Decided | Blocked | Committed | Finished | Unchanged | Undone | ChaosSet | StatusScrape | JournalRepaired
)


@dataclass(frozen=True)
class Entry:
    """One journal line: an event in its chain. `timestamp` is UTC, ISO 8601 with milliseconds and Z. `run` names one
    process run, `actor` who ran it (`user@host`). `hash` covers the whole line but itself, `prev` included."""

    seq: int
    timestamp: str
    run: str
    actor: str
    event: Event
    prev: str
    hash: str

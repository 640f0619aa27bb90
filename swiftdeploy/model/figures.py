"""What one source saw of an instance in a window: its figures, and how they are made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from swiftdeploy.model import bounds

LIKELY = 0.95
UNFINISHED, UNCONNECTED = "timeout", "connection"
# What an app may well answer on a path to whoever asks without a login, or has no such page.
OWN_ANSWERS = frozenset({"401", "403", "404", "405"})
_SAID = {UNFINISHED: "nothing in 5 s", UNCONNECTED: "with a refused or broken connection"}
MOST_SAID = 3


@dataclass(frozen=True)
class Figures:
    """What one source saw in a window; None where there is no evidence. Error rate to 4 decimals, milliseconds to 3.
    `p99_is_lower_bound`: the true p99 may be longer. `p99_low_ms` and `p99_likely_ms`: the lowest true p99 that the
    latencies leave possible, with a certainty of 99.9 % and of 95 %; None where they are not known one by one.
    `timed`: how many of the samples count for p99, where not all do."""

    samples: int = 0
    errors: int = 0
    error_rate_percent: float | None = None
    p99_latency_ms: float | None = None
    p99_is_lower_bound: bool = False
    p99_low_ms: float | None = field(default=None, compare=False)
    p99_likely_ms: float | None = field(default=None, compare=False)
    timed: int | None = field(default=None, compare=False)

    @property
    def error_rate_low_percent(self) -> float | None:
        """The lowest true error rate that these samples leave possible, with a certainty of 99.9 %."""
        return round(100 * bounds.rate_low(self.errors, self.samples), 4) if self.samples else None

    @property
    def error_rate_high_percent(self) -> float | None:
        """The highest true error rate that these samples leave possible, with a certainty of 99.9 %."""
        return round(100 * bounds.rate_high(self.errors, self.samples), 4) if self.samples else None

    def without_p99(self) -> Figures:
        """The same, where nobody can tell slow requests from those that only go on for long."""
        return replace(
            self, p99_latency_ms=None, p99_is_lower_bound=False, p99_low_ms=None, p99_likely_ms=None, timed=0
        )


@dataclass(frozen=True)
class Answer:
    """What one request got. `seconds` until it was whole, or until its head where it `streams`."""

    status: int
    streams: bool
    seconds: float


@dataclass(frozen=True)
class Tally:
    """What an own client saw of a path. `statuses`: `200` and the like, `timeout` for unfinished and `connection` for
    failed requests, to their number. `latencies_ms`: one entry a request, errors included, with the latency so far of
    unfinished ones. `timed_ms`: those of them that count for p99 (None: all), without the `streams` answers that stream
    and those that the client itself made slow by asking for too much; unfinished ones are always among them. `slowed`:
    whether and how far it had to ask for less, in words. `dropped`: sent, and given up before anything was known, as
    nobody wanted to know any more; they are no requests here."""

    requests: int
    errors: int
    latencies_ms: tuple[float, ...]
    statuses: Mapping[str, int]
    seconds: float
    path: str = "/"
    timed_ms: tuple[float, ...] | None = None
    slowed: str = ""
    streams: int = 0
    dropped: int = 0

    def figures(self, own_answers: Collection[str] = ()) -> Figures:
        """Error rate and p99 (nearest rank, exact); a lower bound when the p99 is among the unfinished requests.
        Statuses in `own_answers`, as far as they are 401, 403, 404 or 405, are the path's own and no errors."""
        own = sum(self.statuses.get(one, 0) for one in OWN_ANSWERS.intersection(own_answers))
        timed = self.latencies_ms if self.timed_ms is None else self.timed_ms
        return exact(self.requests, self.errors - own, timed, self.statuses.get(UNFINISHED, 0))

    def said(self, own_answers: Collection[str] = ()) -> str:
        """The errors in words, the most frequent first and at most three kinds; empty when all was well. Such as
        `probe of /api answered 500 on 31, nothing in 5 s on 5 of 36`."""
        own = OWN_ANSWERS.intersection(own_answers)
        bad = Counter({one: count for one, count in self.statuses.items() if not is_good(one) and one not in own})
        words = (f"{_SAID.get(one, one)} on {count}" for one, count in bad.most_common(MOST_SAID))
        return f"probe of {self.path} answered {', '.join(words)} of {self.requests}" if bad else ""


def is_good(outcome: str) -> bool:
    """Whether one of `Tally.statuses` is no error: 2xx, 3xx, or an upgrade."""
    return outcome[:1] in ("2", "3") or outcome == "101"


def together(tallies: Sequence[Tally]) -> Tally:
    """The tallies of several paths (at least one) as one, under the first one's path."""
    statuses: Counter[str] = Counter()
    for one in tallies:
        statuses.update(one.statuses)
    timed = (one.latencies_ms if one.timed_ms is None else one.timed_ms for one in tallies)
    return Tally(
        requests=sum(one.requests for one in tallies),
        errors=sum(one.errors for one in tallies),
        latencies_ms=tuple(latency for one in tallies for latency in one.latencies_ms),
        statuses=dict(statuses),
        seconds=max(one.seconds for one in tallies),
        path=tallies[0].path,
        timed_ms=tuple(latency for one in timed for latency in one),
        slowed=tallies[0].slowed,
        streams=sum(one.streams for one in tallies),
        dropped=sum(one.dropped for one in tallies),
    )


@dataclass(frozen=True)
class Window:
    """`seconds` of an instance: what its users saw by its own count, what the probe did (None: no probe) and did on
    each path, and what the proxy logged of its users. `said` has words for the errors of a source, by its name, where
    there is more to say than their number; `notes` say why a source was not used."""

    seconds: float
    in_flight: int | None
    users: Figures
    probe: Figures | None
    proxy: Figures = Figures()
    paths: Mapping[str, Figures] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def exact(samples: int, errors: int, latencies_ms: Sequence[float], unfinished: int = 0) -> Figures:
    """Figures with the p99 (nearest rank) of latencies that are all known; a lower bound when the p99 is among the
    `unfinished` ones."""
    if not latencies_ms:
        return replace(counted(samples, errors, math.nan, False), timed=0)
    rank = -(-99 * len(latencies_ms) // 100)
    found = counted(samples, errors, sorted(latencies_ms)[rank - 1], unfinished > len(latencies_ms) - rank)
    low, likely = (round(bounds.p99_low(latencies_ms, one), 3) for one in (bounds.CERTAINTY, LIKELY))
    return replace(found, p99_low_ms=low, p99_likely_ms=likely, timed=len(latencies_ms))


def counted(samples: int, errors: int, p99_ms: float, is_lower_bound: bool) -> Figures:
    """Figures of a count and a p99 in milliseconds, NaN where it is unknown; none without samples."""
    if samples == 0:
        return Figures()
    p99 = None if math.isnan(p99_ms) else round(p99_ms, 3)
    return Figures(samples, errors, round(100 * errors / samples, 4), p99, is_lower_bound)

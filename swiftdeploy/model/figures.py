"""What one source saw of an instance in a window: its figures, and how they are made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from swiftdeploy.model import bounds

UNFINISHED = "timeout"
LIKELY = 0.95


@dataclass(frozen=True)
class Figures:
    """What one source saw in a window; None where there is no evidence. Error rate to 4 decimals, milliseconds to 3.
    `p99_is_lower_bound`: the true p99 may be longer. `p99_low_ms` and `p99_likely_ms`: the lowest true p99 that the
    latencies leave possible, with a certainty of 99.9 % and of 95 %; None where they are not known one by one."""

    samples: int = 0
    errors: int = 0
    error_rate_percent: float | None = None
    p99_latency_ms: float | None = None
    p99_is_lower_bound: bool = False
    p99_low_ms: float | None = None
    p99_likely_ms: float | None = None

    @property
    def error_rate_low_percent(self) -> float | None:
        """The lowest true error rate that these samples leave possible, with a certainty of 99.9 %."""
        return round(100 * bounds.rate_low(self.errors, self.samples), 4) if self.samples else None

    @property
    def error_rate_high_percent(self) -> float | None:
        """The highest true error rate that these samples leave possible, with a certainty of 99.9 %."""
        return round(100 * bounds.rate_high(self.errors, self.samples), 4) if self.samples else None


@dataclass(frozen=True)
class Tally:
    """What an own client saw. `statuses`: `200` and the like, `timeout` for unfinished and `connection` for failed
    requests, to their number. `latencies_ms`: one entry a request, errors included, with the latency so far of
    unfinished ones. `path` is where they went."""

    requests: int
    errors: int
    latencies_ms: tuple[float, ...]
    statuses: Mapping[str, int]
    seconds: float
    path: str = "/"

    def figures(self) -> Figures:
        """Error rate and p99 (nearest rank, exact); a lower bound when the p99 is among the unfinished requests."""
        return exact(self.requests, self.errors, self.latencies_ms, self.statuses.get(UNFINISHED, 0))


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
        return counted(samples, errors, math.nan, False)
    rank = -(-99 * len(latencies_ms) // 100)
    found = counted(samples, errors, sorted(latencies_ms)[rank - 1], unfinished > len(latencies_ms) - rank)
    low, likely = (round(bounds.p99_low(latencies_ms, one), 3) for one in (bounds.CERTAINTY, LIKELY))
    return replace(found, p99_low_ms=low, p99_likely_ms=likely)


def counted(samples: int, errors: int, p99_ms: float, is_lower_bound: bool) -> Figures:
    """Figures of a count and a p99 in milliseconds, NaN where it is unknown; none without samples."""
    if samples == 0:
        return Figures()
    p99 = None if math.isnan(p99_ms) else round(p99_ms, 3)
    return Figures(samples, errors, round(100 * errors / samples, 4), p99, is_lower_bound)

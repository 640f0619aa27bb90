"""What one source saw of an instance in a window: its figures, and how they are made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNFINISHED = "timeout"


@dataclass(frozen=True)
class Figures:
    """What one source saw in a window; None where there is no evidence. Error rate to 4 decimals, milliseconds to 3.
    `p99_is_lower_bound`: the true p99 may be longer."""

    samples: int = 0
    errors: int = 0
    error_rate_percent: float | None = None
    p99_latency_ms: float | None = None
    p99_is_lower_bound: bool = False


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
    """`seconds` between two scrapes of an instance: what its users saw by its own count, what the probe did (None: no
    probe), and what the proxy logged of its users."""

    seconds: float
    in_flight: int | None
    users: Figures
    probe: Figures | None
    proxy: Figures = Figures()


def exact(samples: int, errors: int, latencies_ms: Sequence[float], unfinished: int = 0) -> Figures:
    """Figures with the p99 (nearest rank) of latencies that are all known; a lower bound when the p99 is among the
    `unfinished` ones."""
    if not latencies_ms:
        return counted(samples, errors, math.nan, False)
    rank = -(-99 * len(latencies_ms) // 100)
    return counted(samples, errors, sorted(latencies_ms)[rank - 1], unfinished > len(latencies_ms) - rank)


def counted(samples: int, errors: int, p99_ms: float, is_lower_bound: bool) -> Figures:
    """Figures of a count and a p99 in milliseconds, NaN where it is unknown; none without samples."""
    if samples == 0:
        return Figures()
    p99 = None if math.isnan(p99_ms) else round(p99_ms, 3)
    return Figures(samples, errors, round(100 * errors / samples, 4), p99, is_lower_bound)

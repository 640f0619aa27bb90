"""What two scrapes of an instance and an own probe say: windows, error rate, p99, and the canary gate's input."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from swiftdeploy.model.decision import Json
from swiftdeploy.model.quantile import histogram_quantile
from swiftdeploy.model.scrape import Scrape, parse_scrape

__all__ = [
    "NEVER_COUNTED", "Figures", "Scrape", "Tally", "Window", "canary_facts", "evidence", "exact", "ignored_paths",
    "parse_scrape", "window",
]  # fmt: skip

NEVER_COUNTED = frozenset({"/healthz", "/metrics", "/chaos"})
# Beside another source, fewer requests of users than this say nothing by themselves.
USERS_COUNT_FROM = 20
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


def ignored_paths(health_path: str, metrics_path: str) -> frozenset[str]:
    """Paths whose requests are no user's: the well-known three and the manifest's own two."""
    return NEVER_COUNTED | {health_path, metrics_path}


def window(
    first: Scrape | None, second: Scrape | None, probe: Tally | None, ignored: Collection[str] = NEVER_COUNTED
) -> Window:
    """What happened between two scrapes of the same instance, requests to the `ignored` paths left out.

    A counter that fell has grown by its later value, and so have all of them when another process answers. Users are
    the increase less the probe's own requests, never below zero. Without two usable scrapes they have no figures.
    """
    probe = probe if probe and probe.requests else None
    figures = probe.figures() if probe else None
    in_flight = second.in_flight if second else None
    if first is None or second is None:
        return Window(round(probe.seconds, 3) if probe else 0.0, in_flight, Figures(), figures)
    seen_by_app = probe if probe and probe.path.partition("?")[0] not in ignored else None
    users = _users(first, second, seen_by_app, ignored) if second.usable else Figures()
    return Window(round(second.at - first.at, 3), in_flight, users, figures)


def canary_facts(judged: Window, stable: Window | None = None) -> dict[str, Json]:
    """The input of the canary gate: the worst of probe, users and proxy (the latter two from 20 samples on), and each
    source's own figures.

    So no source can thin out another. No traffic is no figure (null) and 0 samples, never 0 %.
    """
    sources = _that_count(judged)
    return {
        "error_rate_percent": _worst(one.error_rate_percent for one in sources),
        "p99_latency_ms": _worst(one.p99_latency_ms for one in sources),
        "p99_is_lower_bound": any(one.p99_is_lower_bound for one in sources),
        "window_seconds": judged.seconds,
        "samples": evidence(judged),
        "in_flight": judged.in_flight,
        "sources": {
            "users": _as_json(judged.users),
            "probe": _as_json(judged.probe or Figures()),
            "proxy": _as_json(judged.proxy),
            "stable": _as_json(stable.users if stable else Figures()),
            "stable_proxy": _as_json(stable.proxy if stable else Figures()),
        },
    }


def evidence(judged: Window) -> int:
    """How many samples the canary gate is given. App and proxy see the same requests of users: they count once. The
    probe's go to the instance directly, so the proxy has none of them."""
    of_users = max((one.samples for one in _of_users(judged)), default=0)
    return of_users + (judged.probe.samples if judged.probe else 0)


def _that_count(judged: Window) -> tuple[Figures, ...]:
    return _of_users(judged) if judged.probe is None else (judged.probe, *_of_users(judged))


def _of_users(judged: Window) -> tuple[Figures, ...]:
    """The sources of users' requests that say something; with nothing better, whatever there is."""
    both = (judged.users, judged.proxy)
    many = tuple(one for one in both if one.samples >= USERS_COUNT_FROM)
    return both if judged.probe is None and not many else many


def _worst(values: Iterable[float | None]) -> float | None:
    return max((one for one in values if one is not None), default=None)


def _as_json(figures: Figures) -> dict[str, Json]:
    return {
        "samples": figures.samples,
        "errors": figures.errors,
        "error_rate_percent": figures.error_rate_percent,
        "p99_latency_ms": figures.p99_latency_ms,
        "p99_is_lower_bound": figures.p99_is_lower_bound,
    }


def exact(samples: int, errors: int, latencies_ms: Sequence[float], unfinished: int = 0) -> Figures:
    """Figures with the p99 (nearest rank) of latencies that are all known; a lower bound when the p99 is among the
    `unfinished` ones."""
    if not latencies_ms:
        return _figures(samples, errors, math.nan, False)
    rank = -(-99 * len(latencies_ms) // 100)
    return _figures(samples, errors, sorted(latencies_ms)[rank - 1], unfinished > len(latencies_ms) - rank)


def _figures(samples: int, errors: int, p99_ms: float, is_lower_bound: bool) -> Figures:
    if samples == 0:
        return Figures()
    p99 = None if math.isnan(p99_ms) else round(p99_ms, 3)
    return Figures(samples, errors, round(100 * errors / samples, 4), p99, is_lower_bound)


def _users(first: Scrape, second: Scrape, probe: Tally | None, ignored: Collection[str]) -> Figures:
    own = probe.statuses if probe else {}
    left = {
        status: max(0, round(count) - own.get(status, 0))
        for status, count in _by_status(first, second, ignored).items()
    }
    errors = sum(count for status, count in left.items() if status.startswith("5"))
    # The app may or may not have counted what the probe gave up on: taken off the users' good requests, never off
    # their errors, so that it cannot make them look better.
    given_up = sum(count for status, count in own.items() if not status.isdigit())
    samples = max(errors, sum(left.values()) - given_up)
    buckets = _without(_by_bound(first, second, ignored), probe.latencies_ms if probe else ())
    p99_seconds, is_lower_bound = histogram_quantile(0.99, buckets.items())
    return _figures(samples, errors, p99_seconds * 1000, is_lower_bound)


def _by_status(first: Scrape, second: Scrape, ignored: Collection[str]) -> dict[str, float]:
    """Status codes to the number of requests in the window. A reset is decided for each counter by itself."""
    grown: dict[str, float] = {}
    restarted = _restarted(first, second)
    for (method, path, status), later in second.requests.items():
        if path not in ignored:
            earlier = 0.0 if restarted else first.requests.get((method, path, status), 0.0)
            grown[status] = grown.get(status, 0.0) + (later - earlier if later >= earlier else later)
    return grown


def _by_bound(first: Scrape, second: Scrape, ignored: Collection[str]) -> dict[float, float]:
    """Upper bounds to cumulative counts of the window, over all series. A reset of one bucket is a reset of all: with
    buckets from two lives, a histogram would have a shape that neither had."""
    reset = _restarted(first, second) or any(
        later < first.buckets.get(key, {}).get(bound, 0.0)
        for key, series in second.buckets.items()
        for bound, later in series.items()
    )
    total: dict[float, float] = {}
    for key, series in second.buckets.items():
        if dict(key).get("path") not in ignored:
            earlier = {} if reset else first.buckets.get(key, {})
            for bound, later in series.items():
                total[bound] = total.get(bound, 0.0) + later - earlier.get(bound, 0.0)
    return total


def _restarted(first: Scrape, second: Scrape) -> bool:
    starts = (first.process_start, second.process_start)
    return None not in starts and starts[0] != starts[1]


def _without(buckets: Mapping[float, float], latencies_ms: Iterable[float]) -> dict[float, float]:
    """The cumulative buckets less the probe's own requests, slowest first, each from the slowest bucket that its
    latency allows and that still holds a request.

    An approximation: the client's latency is never shorter than what the app measured, so a request of the probe is
    in the bucket of its client's latency or in a faster one. Where it was in a faster one, a user's request may go in
    its stead, but never one that was slower than what the probe itself reports.
    """
    bounds = sorted(buckets)
    counts = [buckets[bound] - (buckets[bounds[at - 1]] if at else 0.0) for at, bound in enumerate(bounds)]
    for latency in sorted(latencies_ms, reverse=True):
        at = min(bisect_left(bounds, latency / 1000), len(bounds) - 1)
        while at >= 0 and counts[at] < 1:
            at -= 1
        if at >= 0:
            counts[at] -= 1
    left, total = {}, 0.0
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        left[bound] = total
    return left

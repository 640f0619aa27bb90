"""What two scrapes of an instance and an own probe say: windows, error rate, p99, and the canary gate's input."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swiftdeploy.model.decision import Json
from swiftdeploy.model.quantile import histogram_quantile
from swiftdeploy.model.state import Track

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

REQUESTS = "http_requests_total"
DURATIONS = "http_request_duration_seconds_bucket"
NEVER_COUNTED = frozenset({"/healthz", "/metrics", "/chaos"})
CHAOS_NAMES = {0: "none", 1: "slow", 2: "error"}
MODES: dict[float, Track] = {0: "stable", 1: "canary"}
# Beside a probe, fewer requests of users than this say nothing by themselves (product.md 6).
USERS_COUNT_FROM = 20
UNFINISHED = "timeout"

RequestKey = tuple[str, str, str]
SeriesKey = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scrape:
    """One reading of one instance's metrics, at monotonic seconds `at`.

    `requests`: (method, path, status code) to count. `buckets`: the labels of a histogram series but `le` to
    {upper bound in seconds: cumulative count}. `usable`: the app has request counters that a window can be made of.
    """

    at: float
    requests: Mapping[RequestKey, float] = field(default_factory=dict)
    buckets: Mapping[SeriesKey, Mapping[float, float]] = field(default_factory=dict)
    usable: bool = False
    in_flight: int | None = None
    process_start: float | None = None
    uptime_seconds: float | None = None
    mode: Track | None = None
    chaos: str | None = None


@dataclass(frozen=True)
class Figures:
    """What one source saw in a window; None where there is no evidence. `p99_is_lower_bound`: the true p99 may be longer."""

    samples: int = 0
    errors: int = 0
    error_rate_percent: float | None = None
    p99_latency_ms: float | None = None
    p99_is_lower_bound: bool = False


@dataclass(frozen=True)
class Tally:
    """What an own client saw. `statuses`: `200` and the like, `timeout` for unfinished and `connection` for failed requests
    to their number. `latencies_ms` has one entry a request, errors included, with the latency so far of unfinished ones."""

    requests: int
    errors: int
    latencies_ms: tuple[float, ...]
    statuses: Mapping[str, int]
    seconds: float

    def figures(self) -> Figures:
        """Error rate and p99 (nearest rank, exact); a lower bound when the p99 is among the unfinished requests."""
        if not self.latencies_ms:
            return _figures(self.requests, self.errors, None, False)
        ordered = sorted(self.latencies_ms)
        rank = math.ceil(99 * len(ordered) / 100)
        cut = self.statuses.get(UNFINISHED, 0) > len(ordered) - rank
        return _figures(self.requests, self.errors, ordered[rank - 1], cut)


@dataclass(frozen=True)
class Window:
    """`seconds` between two scrapes of an instance: what its users saw, and what the probe did (None: no probe)."""

    seconds: float
    in_flight: int | None
    users: Figures
    probe: Figures | None


def parse_scrape(text: str, at: float) -> Scrape | None:
    """A scrape from Prometheus' text format; None when the text is no such thing. `at`: monotonic seconds."""
    # 90 ms to import, so only when there is something to read
    from prometheus_client.parser import text_string_to_metric_families

    try:
        families = list(text_string_to_metric_families(text))
        samples = [sample for family in families for sample in family.samples]
        return _scrape(samples, {family.name for family in families}, at)
    except (ValueError, KeyError, IndexError):
        return None


def ignored_paths(health_path: str, metrics_path: str) -> frozenset[str]:
    """Paths whose requests are no user's: the article's three and the manifest's own two."""
    return NEVER_COUNTED | {health_path, metrics_path}


def window(
    first: Scrape | None, second: Scrape | None, probe: Tally | None, ignored: Collection[str] = NEVER_COUNTED
) -> Window:
    """What happened between two scrapes of the same instance, requests to the `ignored` paths left out.

    Counters that fell, and all of them after a new process start, have grown by their later value. Users are the increase
    less the probe's own requests, so their count is never below zero. Without two usable scrapes there are no users' figures.
    """
    asked = probe if probe and probe.requests else None
    in_flight = second.in_flight if second else None
    figures = asked.figures() if asked else None
    if first is None or second is None:
        return Window(asked.seconds if asked else 0.0, in_flight, Figures(), figures)
    users = _users(first, second, asked, ignored) if second.usable else Figures()
    return Window(round(second.at - first.at, 3), in_flight, users, figures)


def canary_facts(judged: Window, stable: Window | None) -> dict[str, Json]:
    """The input of the canary gate: the worse of users (from 20 samples on) and probe, and each source's own figures.

    No traffic is no figure (null) and 0 samples, never 0 %. Rounded here: error rate to 4 decimals, milliseconds to 3.
    """
    sources = _that_count(judged)
    return {
        "error_rate_percent": _worst(one.error_rate_percent for one in sources),
        "p99_latency_ms": _worst(one.p99_latency_ms for one in sources),
        "p99_is_lower_bound": any(one.p99_is_lower_bound for one in sources),
        "window_seconds": judged.seconds,
        "samples": sum(one.samples for one in sources),
        "in_flight": judged.in_flight,
        "sources": {
            "users": _as_json(judged.users),
            "probe": _as_json(judged.probe or Figures()),
            "stable": _as_json(stable.users if stable else Figures()),
        },
    }


def evidence(first: Scrape | None, second: Scrape | None, probe: Tally | None, ignored: Collection[str]) -> int:
    """How many samples `canary_facts` would count now."""
    return sum(one.samples for one in _that_count(window(first, second, probe, ignored)))


def _that_count(judged: Window) -> tuple[Figures, ...]:
    if judged.probe is None:
        return (judged.users,)
    return (judged.probe, judged.users) if judged.users.samples >= USERS_COUNT_FROM else (judged.probe,)


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


def _figures(samples: int, errors: int, p99_ms: float | None, is_lower_bound: bool) -> Figures:
    if samples == 0:
        return Figures()
    p99 = None if p99_ms is None or math.isnan(p99_ms) else round(p99_ms, 3)
    return Figures(samples, errors, round(100 * errors / samples, 4), p99, is_lower_bound)


def _users(first: Scrape, second: Scrape, probe: Tally | None, ignored: Collection[str]) -> Figures:
    own = probe.statuses if probe else {}
    grown = _by_status(first, second, ignored)
    left = {status: max(0.0, count - own.get(status, 0)) for status, count in grown.items()}
    errors = round(sum(count for status, count in left.items() if status.startswith("5")))
    # The app may or may not have counted what the probe gave up on. Taken off the users' good requests, never off their errors.
    gave_up = sum(count for status, count in own.items() if not status.isdigit())
    samples = max(errors, round(sum(left.values())) - gave_up)
    buckets = _without(_by_bound(first, second, ignored), probe.latencies_ms if probe else ())
    p99, is_lower_bound = histogram_quantile(0.99, buckets.items())
    return _figures(samples, errors, p99 * 1000, is_lower_bound)


def _by_status(first: Scrape, second: Scrape, ignored: Collection[str]) -> Counter[str]:
    """Status codes to the number of requests in the window. A reset is decided for each counter, and for all at a restart."""
    grown: Counter[str] = Counter()
    restarted = _restarted(first, second)
    for key, later in second.requests.items():
        earlier = 0.0 if restarted else first.requests.get(key, 0.0)
        if key[1] not in ignored:
            grown[key[2]] += later - earlier if later >= earlier else later  # type: ignore[assignment]
    return grown


def _by_bound(first: Scrape, second: Scrape, ignored: Collection[str]) -> dict[float, float]:
    """Upper bounds to cumulative counts of the window, over all series. A reset of one bucket is a reset of all: a histogram
    whose buckets come from two lives would have a shape that neither had."""
    reset = _restarted(first, second) or any(
        later < first.buckets.get(key, {}).get(bound, 0.0)
        for key, series in second.buckets.items()
        for bound, later in series.items()
    )
    total: dict[float, float] = {}
    for key, series in second.buckets.items():
        if dict(key).get("path") in ignored:
            continue
        earlier = {} if reset else first.buckets.get(key, {})
        for bound, later in series.items():
            total[bound] = total.get(bound, 0.0) + later - earlier.get(bound, 0.0)
    return total


def _restarted(first: Scrape, second: Scrape) -> bool:
    return None not in (first.process_start, second.process_start) and first.process_start != second.process_start


def _without(buckets: Mapping[float, float], latencies_ms: Iterable[float]) -> dict[float, float]:
    """The cumulative buckets less the probe's own requests, slowest first, each from the slowest bucket that its latency allows.

    An approximation: the client's latency is never shorter than what the app measured, so a request of the probe is in its
    client's bucket or in a faster one. Where it was in a faster one, a user's request may be taken in its stead, but only
    one that was no slower than a request that the probe itself reports.
    """
    bounds = sorted(buckets)
    counts = [buckets[bound] - (buckets[bounds[at - 1]] if at else 0.0) for at, bound in enumerate(bounds)]
    for latency in sorted(latencies_ms, reverse=True):
        at = min(bisect_left(bounds, latency / 1000), len(bounds) - 1)
        while at >= 0 and counts[at] < 1:
            at -= 1
        if at >= 0:
            counts[at] -= 1
    total, left = 0.0, {}
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        left[bound] = total
    return left


def _scrape(samples: list[Sample], families: set[str], at: float) -> Scrape:
    requests: dict[RequestKey, float] = {}
    buckets: dict[SeriesKey, dict[float, float]] = {}
    gauges: dict[str, float] = {}
    for sample in samples:
        if sample.name == REQUESTS:
            key = (sample.labels.get("method", ""), sample.labels.get("path", ""), sample.labels["status_code"])
            requests[key] = requests.get(key, 0.0) + _count(sample.value)
        elif sample.name == DURATIONS:
            bound = float(sample.labels["le"])
            series = buckets.setdefault(tuple(sorted(p for p in sample.labels.items() if p[0] != "le")), {})
            series[bound] = series.get(bound, 0.0) + _count(sample.value)
        elif not sample.labels:
            gauges[sample.name] = sample.value
    in_flight = gauges.get("app_requests_in_flight")
    return Scrape(
        at=at,
        requests=requests,
        buckets=buckets,
        # the counter is declared but has no series yet where nobody has asked the app anything
        usable=bool(requests) or REQUESTS.removesuffix("_total") in families,
        in_flight=None if in_flight is None else round(_count(in_flight)),
        process_start=gauges.get("process_start_time_seconds"),
        uptime_seconds=gauges.get("app_uptime_seconds"),
        mode=MODES.get(gauges.get("app_mode", -1)),
        chaos=CHAOS_NAMES.get(int(gauges.get("chaos_active", -1))),
    )


def _count(value: float) -> float:
    """A counter's value; raises ValueError when it cannot be one."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{value} is no count")
    return value

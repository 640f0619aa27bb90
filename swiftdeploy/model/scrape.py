"""One reading of an instance's metrics, from Prometheus' text format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swiftdeploy.model.state import Track

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

REQUESTS = "http_requests_total"
DURATIONS = "http_request_duration_seconds_bucket"
MODES: dict[float, Track] = {0: "stable", 1: "canary"}
FAULTS: dict[float, str] = {0: "none", 1: "slow", 2: "error"}

RequestKey = tuple[str, str, str]
SeriesKey = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scrape:
    """One reading of one instance's metrics, at monotonic seconds `at`; None where the app does not say.

    `requests`: (method, path, status code) to count. `buckets`: the labels of a histogram series but `le`, to
    {upper bound in seconds: cumulative count}. `usable`: the app has request counters that a window can be made of.
    `chaos`: `none`, `slow` or `error`.
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


def _scrape(samples: list[Sample], families: set[str], at: float) -> Scrape:
    requests: dict[RequestKey, float] = {}
    buckets: dict[SeriesKey, dict[float, float]] = {}
    gauges: dict[str, float] = {}
    for sample in samples:
        labels = sample.labels
        if sample.name == REQUESTS:
            key = (labels.get("method", ""), labels.get("path", ""), labels["status_code"])
            requests[key] = requests.get(key, 0.0) + _count(sample.value)
        elif sample.name == DURATIONS:
            series = buckets.setdefault(tuple(sorted(one for one in labels.items() if one[0] != "le")), {})
            bound = _bound(labels["le"])
            series[bound] = series.get(bound, 0.0) + _count(sample.value)
        elif not labels:
            gauges[sample.name] = sample.value
    in_flight = gauges.get("app_requests_in_flight")
    return Scrape(
        at=at,
        requests=requests,
        buckets=buckets,
        # the counter is declared but has no series as long as nobody has asked the app anything
        usable=bool(requests) or REQUESTS.removesuffix("_total") in families,
        in_flight=None if in_flight is None else round(_count(in_flight)),
        process_start=gauges.get("process_start_time_seconds"),
        uptime_seconds=gauges.get("app_uptime_seconds"),
        mode=MODES.get(gauges.get("app_mode", math.nan)),
        chaos=FAULTS.get(gauges.get("chaos_active", math.nan)),
    )


def _count(value: float) -> float:
    """What a counter or a bucket can hold; raises ValueError for anything else."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{value} is no count")
    return value


def _bound(text: str) -> float:
    bound = float(text)
    if math.isnan(bound):
        raise ValueError("le is not a number")
    return bound

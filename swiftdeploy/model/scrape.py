"""One reading of an instance's metrics, from Prometheus' text format or OpenMetrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swiftdeploy.model import series
from swiftdeploy.model.series import Durations, Requests
from swiftdeploy.model.state import MetricNames, Track

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.samples import Sample

MODES: dict[float, Track] = {0: "stable", 1: "canary"}
FAULTS: dict[float, str] = {0: "none", 1: "slow", 2: "error"}

RequestKey = tuple[str, str, str]
SeriesKey = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scrape:
    """One reading of one instance's metrics, at monotonic seconds `at`; None where the app does not say.

    `requests`: (method, path, status) to count, "" where no label tells; a status is `200` or `2xx`. `buckets`: the
    labels of a histogram series but `le`, the path's under the name `path`, to {upper bound in seconds: cumulative
    count}. `usable`: the app has request counters that a window can be made of. `tells_path`: they have a label for
    the path. `found`: in words, by what requests are counted, or what was found and what is needed; `lacking`:
    what `services.metrics` names besides and the page does not have. `counter` and
    `histogram` are the names of the series used. `chaos`: `none`, `slow` or `error`.
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
    tells_path: bool = False
    found: str = ""
    lacking: str = ""
    counter: str = ""
    histogram: str = ""


def parse_scrape(text: str, at: float, names: MetricNames | None = None) -> Scrape | None:
    """A scrape from a metrics page; None when the text is no such thing. `at`: monotonic seconds. `names`: the
    project's own `services.metrics`."""
    try:
        return _scrape(_families(text), at, names)
    except (ValueError, KeyError, IndexError):
        return None


def _families(text: str) -> Sequence[Metric]:
    # 90 ms to import, so only when there is something to read
    from prometheus_client.openmetrics import parser as openmetrics
    from prometheus_client.parser import text_string_to_metric_families

    if text.rstrip().endswith("# EOF"):
        try:
            return list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
        except (ValueError, KeyError, IndexError):
            pass  # some libraries end Prometheus' text with it
    return list(text_string_to_metric_families(text))


def _scrape(families: Sequence[Metric], at: float, names: MetricNames | None) -> Scrape:
    found = series.find(families, names)
    gauges = _gauges(sample for family in families for sample in family.samples)
    in_flight = gauges.get("app_requests_in_flight")
    return Scrape(
        at=at,
        requests=_requests(found.requests) if found.requests else {},
        buckets=_buckets(found.durations) if found.durations else {},
        # the counter is declared but has no series as long as nobody has asked the app anything
        usable=found.requests is not None or found.declared,
        in_flight=None if in_flight is None else round(_count(in_flight)),
        process_start=gauges.get("process_start_time_seconds"),
        uptime_seconds=gauges.get("app_uptime_seconds"),
        mode=MODES.get(gauges.get("app_mode", math.nan)),
        chaos=FAULTS.get(gauges.get("chaos_active", math.nan)),
        tells_path=bool(found.requests and found.requests.path),
        found=found.words,
        lacking=found.lacking,
        counter=found.requests.name if found.requests else "",
        histogram=found.durations.name if found.durations else "",
    )


def _requests(found: Requests) -> Mapping[RequestKey, float]:
    counts: dict[RequestKey, float] = {}
    for sample in found.samples:
        method, path, status = (sample.labels.get(label, "") for label in (found.method, found.path, found.status))
        key = (method, path, status.lower())
        counts[key] = counts.get(key, 0.0) + _count(sample.value)
    return counts


def _buckets(found: Durations) -> Mapping[SeriesKey, Mapping[float, float]]:
    buckets: dict[SeriesKey, dict[float, float]] = {}
    for sample in found.samples:
        labels = {"path" if name == found.path else name: value for name, value in sample.labels.items()}
        bound = _bound(labels.pop("le")) * found.seconds
        one = buckets.setdefault(tuple(sorted(labels.items())), {})
        one[bound] = one.get(bound, 0.0) + _count(sample.value)
    return buckets


def _gauges(samples: Iterable[Sample]) -> Mapping[str, float]:
    return {sample.name: sample.value for sample in samples if not sample.labels}


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

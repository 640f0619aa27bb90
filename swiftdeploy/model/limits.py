"""The thresholds of data.json that the shipped policies know: whose they are, and which figure they bound."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from swiftdeploy.model.decision import GATES, Gate


@dataclass(frozen=True)
class Threshold:
    """`figure` is the field of the input that it bounds, `meaning` says how. An `optional` one may be missing."""

    name: str
    gate: Gate
    figure: str
    meaning: str
    optional: bool = False


THRESHOLDS = (
    Threshold("min_disk_free_gb", "infrastructure", "disk_free_gb", "least free disk, GiB"),
    Threshold("max_cpu_load", "infrastructure", "cpu_load_1m", "most load of the whole machine"),
    Threshold("max_cpu_load_per_cpu", "infrastructure", "cpu_load_1m", "most load a CPU; replaces max_cpu_load", True),
    Threshold("min_mem_free_percent", "infrastructure", "mem_free_percent", "least memory left, percent"),
    Threshold("max_error_rate_percent", "canary", "error_rate_percent", "most failed requests, percent"),
    Threshold("max_p99_latency_ms", "canary", "p99_latency_ms", "slowest p99, milliseconds"),
    Threshold("max_p99_increase_percent", "canary", "p99_latency_ms", "most p99 over stable's, percent", True),
    Threshold("min_samples", "canary", "samples", "fewest requests that are evidence"),
)
REPLACES: Mapping[str, str] = {"max_cpu_load_per_cpu": "max_cpu_load"}
"""A threshold that takes the place of another once it is there."""

OF_GATE: Mapping[Gate, tuple[str, ...]] = {
    gate: tuple(one.name for one in THRESHOLDS if one.gate == gate) for gate in GATES
}


def needless(given: Iterable[str]) -> frozenset[str]:
    """Thresholds that may be missing beside those that are `given`."""
    return frozenset(one.name for one in THRESHOLDS if one.optional) | replaced(given)


def replaced(given: Iterable[str]) -> frozenset[str]:
    """Thresholds that do not count beside those that are `given`."""
    return frozenset(REPLACES[name] for name in given if name in REPLACES)


def bounding(figure: str, given: Collection[str]) -> str | None:
    """The threshold that bounds a figure among those that are `given`; None when there is none."""
    counting = set(given) - replaced(given)
    return next((one.name for one in THRESHOLDS if one.figure == figure and one.name in counting), None)


def table() -> str:
    """All of them as a Markdown table, as in docs/policies.md."""
    rows = "".join(
        f"| `{one.name}` | `{one.figure}` | {one.meaning}{' (optional)' if one.optional else ''} |\n"
        for one in THRESHOLDS
    )
    return f"| threshold | bounds | meaning |\n|---|---|---|\n{rows}"

"""Hypothesis strategies for what a gate may be asked: figures at and around the limits, and everything that is none."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from swiftdeploy.model.decision import Gate

Facts = dict[str, Any]
Question = tuple[Gate, Facts]

# field -> the threshold that it is compared with
LIMITS: dict[Gate, dict[str, str]] = {
    "infrastructure": {
        "disk_free_gb": "min_disk_free_gb",
        "cpu_load_1m": "max_cpu_load",
        "mem_free_percent": "min_mem_free_percent",
    },
    "canary": {
        "error_rate_percent": "max_error_rate_percent",
        "p99_latency_ms": "max_p99_latency_ms",
        "samples": "min_samples",
    },
}
SHIPPED: dict[str, Any] = {
    "min_disk_free_gb": 10.0,
    "max_cpu_load": 2.0,
    "min_mem_free_percent": 10.0,
    "max_error_rate_percent": 1.0,
    "max_p99_latency_ms": 500.0,
    "min_samples": 100,
}
PER_CPU = "max_cpu_load_per_cpu"
EXTREMES = [
    0, 0.0, -0.0, 1, 1.0, -1, -0.0001, 0.00005, 0.0001, 0.1, 0.3, 1.005, 2.675, 8.2, 99.99995, 100, 1e14, 999999999999999,
    1e15, 2**53, 2**53 + 1, float(2**53), 1e16, 2**63 - 1, 2**63, -(2**63), 2**64, 2**70, 1e300, 1e308, -1e308,
    sys.float_info.max, sys.float_info.min, 5e-324, -5e-324, math.nan, math.inf, -math.inf,
]  # fmt: skip
TEXTS = [
    "", "missing", "null", "NaN", "0", "300", "high", "undefined", 'qu"ote', "back\\slash", "two\nlines", "\r\t\x00\x7f",
    "é", "日本語", "😀", "\u2028\u2029", "\ud800", "\udfff!", "\ufeff", "%v %!f %s", "{}", "a" * 300,
]  # fmt: skip

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=8), st.text(st.characters(codec=None), max_size=4))
numbers = st.one_of(
    st.sampled_from(EXTREMES),
    st.integers(0, 1000),
    st.integers(0, 12),
    st.integers(),
    st.integers(0, 10_000_000).map(lambda whole: whole / 10_000),
    st.floats(0, 1000),
    st.floats(),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
nested = st.one_of(
    st.lists(scalars, max_size=3),
    st.dictionaries(texts, scalars, max_size=3),
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=6
    ),
)


def anything(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly a usual value, else any number, else what is no number at all."""
    return st.integers(0, 9).flatmap(lambda kind: usual if kind < 5 else numbers if kind < 7 else scalars | nested)


def around(limit: object) -> st.SearchStrategy[Any]:
    """The limit itself, its closest neighbours at any precision that matters, and the same as whole number and float."""
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not abs(limit) < 1e15:
        return numbers
    whole = round(limit)
    steps = (0.0001, 0.00005, 0.00001, 0.5)
    near = [limit + step for step in steps] + [limit - step for step in steps]
    floats = [math.nextafter(limit, math.inf), math.nextafter(limit, -math.inf), float(limit)]
    return st.sampled_from([limit, whole, whole + 1, whole - 1, *near, *floats])


def _limit(thresholds: object, name: str) -> object:
    return thresholds.get(name) if isinstance(thresholds, Mapping) else None


def _sources() -> st.SearchStrategy[Any]:
    figures = st.fixed_dictionaries(
        {},
        optional={
            "samples": anything(st.integers(0, 500)),
            "errors": anything(st.integers(0, 5)),
            "error_rate_percent": anything(st.floats(0, 100)),
            "p99_latency_ms": anything(st.floats(0, 1000)),
            "p99_is_lower_bound": st.booleans() | scalars,
        },
    )
    return st.fixed_dictionaries({}, optional={name: figures | scalars for name in ("users", "probe", "stable")})


def questions(thresholds: object) -> st.SearchStrategy[Question]:
    """A gate, and an input in which any field may be absent, usual, odd, or nothing that a gate knows."""
    gates = st.sampled_from(list(LIMITS))
    return gates.flatmap(lambda gate: st.tuples(st.just(gate), _facts(gate, thresholds)))


def _facts(gate: Gate, thresholds: object) -> st.SearchStrategy[Facts]:
    fields: dict[str, st.SearchStrategy[Any]] = {
        field: anything(around(_limit(thresholds, name))) for field, name in LIMITS[gate].items()
    }
    if gate == "infrastructure":
        fields["cpu_count"] = anything(st.sampled_from([1, 2, 3, 4, 64, 1.0, 3.0, 0, 0.5]))
        each = _limit(thresholds, PER_CPU)
        if isinstance(each, int | float) and 0 <= each < 1e12:  # at and around the limit of one, two, three CPUs
            per_cpu = st.sampled_from([1, 2, 3, 64]).flatmap(lambda cpus: around(each * cpus))
            fields["cpu_load_1m"] = fields["cpu_load_1m"] | per_cpu
        fields["simulated"] = st.booleans() | scalars
    else:
        fields["p99_is_lower_bound"] = st.sampled_from([False, False, False, True]) | scalars
        fields["window_seconds"] = anything(st.floats(0, 60))
        fields["in_flight"] = anything(st.none() | st.integers(0, 50))
        fields["sources"] = _sources() | scalars
    odd = st.dictionaries(texts, scalars | nested, max_size=2)
    all_there = st.fixed_dictionaries(fields)
    some = st.fixed_dictionaries({}, optional=fields)
    return st.one_of(all_there, all_there, some, st.tuples(some, odd).map(lambda both: {**both[1], **both[0]}))


def _threshold(name: str) -> st.SearchStrategy[Any]:
    usual = SHIPPED.get(name, 0.75)
    tame = st.sampled_from([usual, float(usual), round(usual), usual / 2, usual + 0.25, 0, 0.0, 0.00005, 1.005])
    return st.one_of(tame, tame, tame, numbers.filter(_json_can_say), st.none(), st.booleans(), texts, nested)


def _json_can_say(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


thresholds = st.one_of(
    st.just(SHIPPED),
    st.just({**SHIPPED, PER_CPU: 0.75}),
    st.fixed_dictionaries({name: _threshold(name) for name in SHIPPED}, optional={PER_CPU: _threshold(PER_CPU)}),
    st.fixed_dictionaries({}, optional={name: _threshold(name) for name in (*SHIPPED, PER_CPU)}),
    scalars.filter(_json_can_say),
)
"""What may stand under `thresholds` in data.json, the shipped ones first."""

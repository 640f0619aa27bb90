"""Hypothesis strategies for what a gate may be asked: figures at and around the limits, and everything that is none."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from swiftdeploy.model import policy
from swiftdeploy.model.decision import Gate

Facts = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

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
    0, 0.0, -0.0, 1, 1.0, -1, -0.0001, 0.00005, 0.0001, 0.1, 0.3, 1.005, 2.675, 8.2, 99.99995, 100, 1e14, 10**15 - 1,
    1e15, 2**53, 2**53 + 1, float(2**53), 1e16, 2**63 - 1, 2**63, -(2**63), 2**64, 2**70, 1e300, 1e308, -1e308,
    sys.float_info.max, sys.float_info.min, 5e-324, -5e-324, math.nan, math.inf, -math.inf,
]  # fmt: skip
TEXTS = [
    "", "missing", "null", "NaN", "0", "300", "high", "undefined", 'qu"ote', "back\\slash", "two\nlines", "\t\x00\x7f",
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
    st.lists(st.lists(st.dictionaries(texts, scalars, max_size=1), max_size=2), max_size=2),
)
anything = st.one_of(scalars, scalars, nested)

# The limit itself, its closest neighbours at every precision that matters, and the same as whole number and float.
NEAR: list[Callable[[float], Any]] = [
    lambda limit: limit,
    float,
    round,
    lambda limit: round(limit) + 1,
    lambda limit: round(limit) - 1,
    lambda limit: math.nextafter(limit, math.inf),
    lambda limit: math.nextafter(limit, -math.inf),
    *(lambda limit, step=step: limit + step for step in (0.0001, 0.00005, 0.00001, 0.5)),
    *(lambda limit, step=step: limit - step for step in (0.0001, 0.00005, 0.00001, 0.5)),
]
near = st.sampled_from(NEAR)
one_in_ten = st.integers(0, 9)
cpu_counts = st.sampled_from([1, 2, 3, 4, 64, 1.0, 3.0, 0, 0.5])
usual_flags = st.sampled_from([False, False, False, False, True])
counts = st.integers(0, 500)
absent = st.sets(st.sampled_from([*policy.HEALTHY["canary"], *policy.HEALTHY["infrastructure"]]), max_size=3)
strangers = st.dictionaries(texts, anything, min_size=1, max_size=2)
gates = st.sampled_from(list(LIMITS))


@st.composite
def asked(draw: Draw, size: int) -> tuple[Any, list[tuple[Gate, Facts]]]:
    """What stands under `thresholds`, and `size` questions: a gate, and an input with any field as it should be, at
    its limit, odd or absent."""
    limits = _thresholds(draw)
    return limits, [_question(draw, limits) for _ in range(size)]


def _question(draw: Draw, limits: object) -> tuple[Gate, Facts]:
    gate, kind = draw(gates), draw(one_in_ten)
    facts = dict(policy.HEALTHY[gate])
    likely = 4 if kind < 5 else 8  # of ten fields, how many are not as in a healthy input
    for field in facts:
        if draw(one_in_ten) < likely:
            facts[field] = _value(draw, gate, field, limits)
    if gate == "canary" and kind % 2:
        facts["sources"] = _sources(draw)
    if kind >= 8:
        facts = {**draw(strangers), **{name: value for name, value in facts.items() if name not in draw(absent)}}
    return gate, facts


def _value(draw: Draw, gate: Gate, field: str, limits: object) -> Any:
    kind = draw(one_in_ten)
    if kind > 7:
        return draw(anything)
    if kind > 6:
        return draw(numbers)
    if field in LIMITS[gate]:
        limit = _limit(limits, LIMITS[gate][field])
        each = _limit(limits, PER_CPU)
        if field == "cpu_load_1m" and _small(each):
            return draw(near)(each * draw(cpu_counts))
        return draw(near)(limit) if _small(limit) else draw(numbers)
    if field == "cpu_count":
        return draw(cpu_counts)
    return draw(usual_flags) if field in ("p99_is_lower_bound", "simulated") else draw(counts)


def _small(limit: object) -> bool:
    return isinstance(limit, int | float) and not isinstance(limit, bool) and abs(limit) < 1e15


def _limit(limits: object, name: str) -> Any:
    return limits.get(name) if isinstance(limits, Mapping) else None


def _sources(draw: Draw) -> Any:
    fields = ("samples", "errors", "error_rate_percent", "p99_latency_ms", "p99_is_lower_bound")
    kind = draw(one_in_ten)
    if kind > 8:
        return draw(anything)
    figures = {name: draw(anything if kind > 6 else numbers) for name in fields[: kind + 1]}
    return {"users": figures, "probe": draw(anything) if kind > 4 else figures, "stable": {"samples": draw(counts)}}


def _thresholds(draw: Draw) -> Any:
    kind = draw(one_in_ten)
    if kind < 3:
        return SHIPPED
    if kind == 9:
        return draw(st.one_of(json_scalars, json_nested))
    limits = {name: _threshold(draw, usual) for name, usual in SHIPPED.items()}
    if kind > 5:
        limits[PER_CPU] = _threshold(draw, 0.75)
    return {name: value for name, value in limits.items() if name not in draw(gone)} if kind == 8 else limits


def _threshold(draw: Draw, usual: float) -> Any:
    kind = draw(one_in_ten)
    if kind < 7:
        return draw(tame)(usual)
    return draw(json_scalars) if kind < 9 else draw(json_nested)


TAME: list[Callable[[float], Any]] = [
    lambda usual: usual, float, round, lambda usual: usual / 2, lambda usual: usual + 0.25,
    lambda usual: usual + 0.00005, lambda _: 0, lambda _: 0.0, lambda _: 1.005,
]  # fmt: skip
tame = st.sampled_from(TAME)
gone = st.sets(st.sampled_from([*SHIPPED, PER_CPU]), max_size=4)
# JSON has no NaN and no infinity, and data.json with more than 63 bits is refused
json_numbers = numbers.filter(lambda one: math.isfinite(one) if isinstance(one, float) else -(2**63) <= one < 2**63)
json_scalars = st.one_of(st.none(), st.booleans(), json_numbers, json_numbers, texts)
json_nested = st.one_of(st.lists(json_scalars, max_size=2), st.dictionaries(texts, json_scalars, max_size=2))

"""Quantiles agree with Prometheus' published vectors, and keep the laws of a quantile."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.model.quantile import histogram_quantile

VECTORS = json.loads((Path(__file__).parent / "data" / "prometheus_histograms.json").read_text())["cases"]
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, math.inf]


@pytest.mark.parametrize(
    ("case", "q", "expected"),
    [
        pytest.param(case, float(q), float(value), id=f"{case['name']}-{q}")
        for case in VECTORS
        for q, value in case["quantiles"].items()
    ],
)
def test_published_vector(case, q, expected):
    value, _ = histogram_quantile(q, [(float(le), count) for le, count in case["buckets"]])
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    "buckets",
    [
        pytest.param([], id="no buckets"),
        pytest.param([(math.inf, 5)], id="only +Inf"),
        pytest.param([(0.1, 5), (0.2, 9)], id="no +Inf"),
        pytest.param([(0.1, 0), (math.inf, 0)], id="no observations"),
    ],
)
def test_a_histogram_that_says_nothing_has_no_quantile(buckets):
    value, is_lower_bound = histogram_quantile(0.99, buckets)
    assert math.isnan(value)
    assert not is_lower_bound


def test_beyond_the_last_finite_bound_the_bound_is_a_lower_bound():
    assert histogram_quantile(0.99, [(0.1, 98), (10.0, 98), (math.inf, 100)]) == (10.0, True)


def test_at_the_last_finite_bound_the_value_is_exact():
    assert histogram_quantile(0.98, [(0.1, 0), (10.0, 98), (math.inf, 100)]) == (10.0, False)


def test_one_moment_of_empty_first_buckets_gives_the_lowest_value_at_zero():
    assert histogram_quantile(0, [(0.1, 0), (0.2, 5), (math.inf, 5)]) == (0.0, False)


histograms = st.lists(st.integers(0, 50), min_size=12, max_size=12).map(
    lambda counts: [(bound, sum(counts[: at + 1])) for at, bound in enumerate(BOUNDS)]
)
full = histograms.filter(lambda buckets: buckets[-1][1] > 0)
parts = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(full, parts, parts)
def test_a_higher_q_never_has_a_lower_value(buckets, q, other):
    low, high = sorted((q, other))
    assert histogram_quantile(low, buckets)[0] <= histogram_quantile(high, buckets)[0] + 1e-12


@settings(max_examples=60, deadline=None)
@given(full, parts)
def test_the_value_lies_in_the_bucket_that_holds_the_rank(buckets, q):
    value, is_lower_bound = histogram_quantile(q, buckets)
    rank = q * buckets[-1][1]
    at = next(at for at, (_, count) in enumerate(buckets) if count >= rank)
    lower = BOUNDS[at - 1] if at else 0.0
    assert lower - 1e-12 <= value <= BOUNDS[at] + 1e-12
    assert is_lower_bound == (at == len(BOUNDS) - 1)


@settings(max_examples=40, deadline=None)
@given(full, st.randoms(use_true_random=False), parts)
def test_the_order_of_buckets_does_not_matter(buckets, chance, q):
    mixed = list(buckets)
    chance.shuffle(mixed)
    assert histogram_quantile(q, mixed) == histogram_quantile(q, buckets)


@settings(max_examples=40, deadline=None)
@given(full, parts, st.integers(2, 9))
def test_a_histogram_counted_by_several_series_is_the_same_histogram(buckets, q, times):
    one, _ = histogram_quantile(q, buckets)
    several, _ = histogram_quantile(q, buckets * times)
    assert several == pytest.approx(one)

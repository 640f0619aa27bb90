"""Bounds are exact: the truth is beyond them no more often than promised, and they bound what was seen."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.model.bounds import CERTAINTY, at_least, p99_low, rate_high, rate_low, slow_ones_for_certainty

counts = st.integers(1, 3000).flatmap(lambda samples: st.tuples(st.integers(0, samples), st.just(samples)))


def exactly(events: int, samples: int, rate: float) -> float:
    return math.comb(samples, events) * rate**events * (1 - rate) ** (samples - events)


@given(st.integers(1, 60), st.data())
def test_the_tail_is_the_sum_of_its_terms(samples, data):
    events = data.draw(st.integers(0, samples))
    rate = data.draw(st.floats(0.0001, max(0.0001, events / samples)))
    expected = sum(exactly(count, samples, rate) for count in range(events, samples + 1))
    assert at_least(events, samples, rate) == pytest.approx(expected, rel=1e-9)


@given(counts)
def test_what_was_seen_lies_between_its_bounds(found):
    events, samples = found
    assert 0.0 <= rate_low(events, samples) <= events / samples <= rate_high(events, samples) <= 1.0


@given(counts)
def test_at_the_lower_bound_as_many_events_are_one_in_a_thousand(found):
    events, samples = found
    if events:
        assert at_least(events, samples, rate_low(events, samples)) == pytest.approx(1 - CERTAINTY, rel=1e-6)


@pytest.mark.parametrize(
    ("events", "samples", "certain"),
    [
        (7, 7, True),
        (2, 2, True),
        (1, 1, False),
        (1, 5, False),
        (3, 5, True),
        (31, 36, True),
        (0, 1000, False),
        (9, 300, False),
    ],
)
def test_what_is_certain_at_a_limit_of_one_percent(events, samples, certain):
    assert (rate_low(events, samples) > 0.01) is certain


def test_no_samples_prove_nothing():
    assert (rate_low(0, 0), rate_high(0, 0)) == (0.0, 1.0)


@pytest.mark.parametrize("samples", [1, 2, 7, 36, 100, 1000])
def test_enough_slow_ones_are_just_certain(samples):
    needed = slow_ones_for_certainty(samples)
    assert at_least(needed, samples, 0.01) <= 1 - CERTAINTY
    assert needed == 1 or at_least(needed - 1, samples, 0.01) > 1 - CERTAINTY


def test_one_slow_request_proves_nothing_of_the_p99_and_three_of_seven_do():
    assert p99_low([10.0] * 6 + [900.0]) < 900
    assert p99_low([10.0] * 4 + [900.0] * 3) == 900.0
    assert p99_low([900.0]) == 0.0


def test_the_truth_is_below_the_lower_bound_as_often_as_promised():
    draw = random.Random(8)
    wrong = sum(rate_low(sum(draw.random() < 0.3 for _ in range(40)), 40, certainty=0.9) > 0.3 for _ in range(2000))
    assert wrong / 2000 <= 0.12  # 0.1 promised; 0.12 is beyond three standard deviations

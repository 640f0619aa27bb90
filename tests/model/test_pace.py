"""A probe spares an app that it overloads, and excuses nothing that the app does by itself. On a simulated app: some
workers with one queue, and a clock that costs nothing."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.model.pace import FIRST_RPS, MOST_IN_FLIGHT, Pace, Trip

GIVEN_UP_SECONDS = 5.0


@dataclass
class Seen:
    pace: Pace
    trips: list[Trip]
    sent: list[float]
    most: int

    @property
    def p99_ms(self) -> float:
        return rank([one for one in self.trips if not self.pace.own_doing(one)])

    @property
    def whole_p99_ms(self) -> float:
        return rank(self.trips)

    @property
    def seconds(self) -> float:
        return max(one.sent + one.seconds for one in self.trips)


def rank(trips: list[Trip]) -> float:
    ordered = sorted(one.seconds for one in trips)
    return 1000 * ordered[-(-99 * len(ordered) // 100) - 1]


def probed(
    service: Callable[[float], float],
    workers: int = 64,
    stalls: tuple[tuple[float, float], ...] = (),
    rps: float = 150.0,
    requests: int = 300,
    longest: float = 10.0,
    paths: tuple[str, ...] = ("/",),
) -> Seen:
    """A probe of an app whose workers each take `service(start)` seconds, and begin nothing during `stalls`."""
    pace, free, done = Pace(rps, 0.0), [0.0] * workers, list[tuple[float, int, Trip, float]]()
    seen, now, due = Seen(pace, [], [], 0), 0.0, 0.0
    while True:
        wants = len(seen.sent) < requests and now < longest and len(done) < pace.window
        turn = max(now, due) if wants else math.inf
        if done and done[0][0] <= turn:
            now, _, trip, seconds = heapq.heappop(done)
            pace.ended(trip, seconds, seconds < GIVEN_UP_SECONDS, seconds < GIVEN_UP_SECONDS)
            seen.trips.append(trip)
        elif wants:
            now = turn
            at = min(range(workers), key=lambda one: free[one])
            start = max(now, free[at])
            start = next((end for begin, end in stalls if begin <= start < end), start)
            free[at] = start + service(start)
            seconds = min(free[at] - now, GIVEN_UP_SECONDS)
            trip = pace.sent(paths[len(seen.sent) % len(paths)], now)
            heapq.heappush(done, (now + seconds, len(seen.sent), trip, seconds))
            seen.sent.append(now)
            seen.most = max(seen.most, len(done))
            due = max(due + 1 / pace.rate, now - 0.05)
        else:
            return seen


def test_a_fast_app_is_soon_asked_at_the_full_rate() -> None:
    seen = probed(lambda now: 0.002)
    assert len(seen.trips) == 300
    assert 2.0 < seen.seconds < 2.5
    assert (seen.pace.slowed, seen.p99_ms) == ("", pytest.approx(2.0))


def test_it_begins_with_one_at_a_time_and_a_few_a_second() -> None:
    seen = probed(lambda now: 0.4, workers=1)
    assert seen.sent[1] >= 0.4, "the second waits for the first"
    quick = probed(lambda now: 0.001)
    assert sum(one < 0.25 for one in quick.sent) <= 0.25 * FIRST_RPS * 2


@given(st.integers(1, 8), st.floats(0.005, 0.2), st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_few_workers_are_not_condemned_for_the_queue_that_the_probe_made(
    workers: int, seconds: float, seed: int
) -> None:
    chance = random.Random(seed)
    seen = probed(lambda now: seconds * chance.uniform(0.9, 1.1), workers)
    assert seen.p99_ms <= max(2.6 * 1000 * seconds, 1000 * seconds + 75)
    assert seen.most <= MOST_IN_FLIGHT


def test_two_workers_of_50_ms_are_asked_for_less_and_seen_as_they_are() -> None:
    seen = probed(lambda now: 0.05, workers=2)
    assert 50 <= seen.p99_ms <= 100
    assert seen.pace.slowed.startswith("backed off to ")
    assert 5 < seen.pace.rate < 40, "what the app can take with room for its users"
    late = [one for one in seen.trips if one.sent > 2]
    assert max(one.seconds for one in late) < 0.2


def test_an_app_that_is_slow_by_itself_is_asked_by_many_at_once_and_is_slow() -> None:
    seen = probed(lambda now: 0.8)
    assert len(seen.trips) > 200
    assert seen.p99_ms == pytest.approx(800)
    assert seen.pace.slowed == ""


@pytest.mark.parametrize(("share", "slow"), [(0.05, 2.0), (0.05, 0.3), (0.02, 0.3)])
def test_a_slow_tail_is_the_apps_own(share: float, slow: float) -> None:
    chance = random.Random(7)
    seen = probed(lambda now: slow if chance.random() < share else 0.02)
    assert seen.p99_ms == pytest.approx(1000 * slow)


@pytest.mark.parametrize("stall", [0.3, 1.0])
@pytest.mark.parametrize("seconds", [0.002, 0.02])
def test_an_app_that_stops_for_a_moment_is_seen_to(seconds: float, stall: float) -> None:
    seen = probed(lambda now: seconds, stalls=((1.5, 1.5 + stall),))
    assert seen.p99_ms >= 0.8 * 1000 * stall
    assert len(seen.trips) == 300


@given(st.integers(0, 10**6), st.floats(0.5, 1.5))
@settings(max_examples=60, deadline=None)
def test_an_app_with_slow_phases_is_not_excused_by_the_probe_that_ran_into_them(seed: int, period: float) -> None:
    chance = random.Random(seed)
    begins = chance.uniform(0.6, 1.0)
    seen = probed(lambda now: 0.3 if now > begins and (now - begins) % (2 * period) < period else 0.05)
    assert seen.p99_ms == pytest.approx(300)


def test_an_app_that_becomes_slow_is_slow() -> None:
    assert probed(lambda now: 0.05 if now < 1 else 0.5).p99_ms == pytest.approx(500)
    assert probed(lambda now: 0.05 if now < 4 else 0.5, workers=2, longest=20).p99_ms >= 500


def test_an_app_that_hangs_is_asked_by_more_and_more() -> None:
    seen = probed(lambda now: 99.0, longest=30)
    assert len(seen.trips) > 30
    assert seen.p99_ms == 1000 * GIVEN_UP_SECONDS
    assert seen.pace.slowed == ""


def test_each_path_is_measured_against_itself() -> None:
    turn = iter(range(10**6))
    seen = probed(lambda now: 0.4 if next(turn) % 2 else 0.002, paths=("/fast", "/slow"))
    assert seen.pace.slowed == ""
    assert len(seen.trips) == 300
    assert not any(map(seen.pace.own_doing, seen.trips))


def test_a_rate_that_was_asked_for_is_never_passed() -> None:
    seen = probed(lambda now: 0.001, rps=5, requests=20)
    assert seen.seconds >= 19 / 5 - 0.05
    assert seen.pace.rate == 5


@given(
    st.integers(1, 4), st.lists(st.floats(0.0005, 6), min_size=1, max_size=30), st.floats(0.5, 1000), st.integers(1, 5)
)
@settings(max_examples=150, deadline=None)
def test_whatever_the_app_does_the_pace_stays_within_its_bounds(
    workers: int, times: list[float], rps: float, paths: int
) -> None:
    turn = iter(range(10**6))
    seen = probed(
        lambda now: times[next(turn) % len(times)], workers, rps=rps, paths=tuple(f"/{one}" for one in range(paths))
    )
    assert seen.most <= MOST_IN_FLIGHT
    assert 0 < seen.pace.rate <= rps
    assert 1 <= seen.pace.window <= MOST_IN_FLIGHT
    assert not any(seen.pace.own_doing(one) for one in seen.trips if one.most == 1), "who was alone is never excused"

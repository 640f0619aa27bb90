"""Waiting ends with the first None, or at its deadline with the last answer."""

from dataclasses import dataclass, field

import pytest

from swiftdeploy.flow.waiting import until
from swiftdeploy.model.errors import Interrupted


@dataclass
class Clock:
    """Time passes only by sleeping."""

    time: float = 100.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def test_nothing_missing_does_not_sleep():
    clock = Clock()
    assert until(lambda: None, clock, 5) is None
    assert clock.slept == []


def test_it_ends_as_soon_as_nothing_is_missing():
    answers = iter(["a port", "an answer", None])
    clock = Clock()
    assert until(lambda: next(answers), clock, 5) is None
    assert clock.time == pytest.approx(100.02)


def test_after_the_deadline_it_says_what_was_missing_last():
    answers = (f"try {n}" for n in range(1000))
    clock = Clock()
    assert until(lambda: next(answers), clock, 0.05, every=0.02) == "try 3"
    assert clock.time == pytest.approx(100.05)


def test_no_time_at_all_is_still_one_look():
    assert until(lambda: "it", Clock(), 0) == "it"
    assert until(lambda: None, Clock(), -1) is None


def test_an_empty_answer_is_something_missing():
    clock = Clock()
    assert until(lambda: "", clock, 0.05) == ""
    assert clock.time == pytest.approx(100.05)


def test_an_interruption_goes_through():
    class Stopped(Clock):
        def sleep(self, seconds: float) -> None:
            raise Interrupted("Ctrl-C")

    with pytest.raises(Interrupted):
        until(lambda: "it", Stopped(), 5)

"""Faults: each takes only its own options, hits only its own targets, and is recorded."""

from __future__ import annotations

import pytest
from fakes import Bench
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy import chaos as faults
from swiftdeploy.model import errors
from swiftdeploy.model.event import ChaosSet
from swiftdeploy.verbs.chaos import chaos, check
from swiftdeploy.verbs.deploy import deploy
from swiftdeploy.verbs.promote import promote


def test_the_folder_is_the_registry() -> None:
    assert faults.names() == ("down", "error", "garbage", "recover", "slow")
    for name in faults.names():
        assert faults.fault(name).ABOUT


def test_an_error_is_posted_to_the_canary_and_recorded(bench: Bench) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    world = bench.world()
    chaos(world, "error", {"rate": 0.6})
    posted = world.web.posted  # type: ignore[attr-defined]
    assert posted == [("http://canary-2/chaos", {"mode": "error", "rate": 0.6})]
    assert next(world.journal.backwards()).event == ChaosSet("canary", "error", {"rate": 0.6})


def test_a_fault_without_its_target_is_not_possible_and_not_recorded(bench: Bench) -> None:
    deploy(bench.world())
    before = bench.world().journal.head()
    with pytest.raises(errors.NotPossible, match="promote canary"):
        chaos(bench.world(), "slow", {"duration": 1})
    assert bench.world().journal.head() == before


def test_recovering_an_absent_canary_is_done(bench: Bench) -> None:
    deploy(bench.world())
    chaos(bench.world(), "recover", {})


def test_down_kills_the_instance(bench: Bench) -> None:
    deploy(bench.world())
    chaos(bench.world(), "down", {}, target="stable")
    assert bench.engine.dead == {"stable-1"}


@pytest.mark.parametrize(
    ("fault", "options", "target"),
    [
        ("earthquake", {}, "canary"),
        ("garbage", {}, "canary"),
        ("error", {"duration": 1}, "canary"),
        ("error", {"rate": 1.01}, "canary"),
        ("error", {"rate": True}, "canary"),
        ("slow", {"duration": -0.1}, "canary"),
        ("slow", {"duration": "2"}, "canary"),
        ("slow", {"duration": float("nan")}, "canary"),
    ],
)
def test_what_no_fault_takes_is_refused_with_what_it_does_take(fault: str, options: dict, target: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(errors.Unreadable):
        check(fault, options, target)  # type: ignore[arg-type]


@given(st.floats(0, 1), st.floats(0, 30))
def test_every_value_in_range_is_taken(rate: float, duration: float) -> None:
    check("error", {"rate": rate}, "canary")
    check("slow", {"duration": duration}, "canary")

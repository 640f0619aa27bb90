"""The verb table, cell by cell, and laws that hold in every cell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.model import errors, plan
from swiftdeploy.model.plan import Asks
from swiftdeploy.model.state import Instance, Release, Settings, State, moves

SETTINGS = Settings("127.0.0.1", 8080, 8081, 30.0, (), "ops@x", "nginx", "opa", 8181, "no", "logs", "net", "bridge")


def release(name: str) -> Release:
    return Release(name, f"{name}.0", "image", name, (), False, 3000, "", "/healthz", "/metrics", None, None)


ONE, TWO, THREE = release("1"), release("2"), release("3")


def running(stable: Release | None = None, canary: Release | None = None, weight: int = 25) -> State:
    instances = []
    if stable:
        instances.append(Instance("stable-1", "stable", stable))
    if canary:
        instances.append(Instance("canary-2", "canary", canary))
    share = (weight if stable else 100) if canary else 0
    return State("local", 2, tuple(instances), share, SETTINGS)


def asks(wanted: Release, mode: str = "stable", weight: int = 25) -> Asks:
    return Asks("local", wanted, "canary" if mode == "canary" else "stable", weight, SETTINGS)


def tracks(state: State) -> dict[str, str]:
    return {one.track: one.release.id for one in state.instances}


def test_deploy_on_nothing_starts_the_release_as_stable_after_the_infrastructure_gate() -> None:
    goal = plan.deploy(State(), asks(ONE))
    assert (tracks(goal.state), goal.state.weight, goal.gate) == ({"stable": "1"}, 0, "infrastructure")


def test_deploy_on_nothing_in_canary_mode_makes_the_canary_the_only_track() -> None:
    goal = plan.deploy(State(), asks(ONE, "canary"))
    assert (tracks(goal.state), goal.state.weight, goal.mode) == ({"canary": "1"}, 100, "canary")


@pytest.mark.parametrize("now", [running(ONE), running(ONE, ONE), running(TWO, ONE), running(None, ONE)])
def test_deploy_of_what_runs_changes_nothing(now: State) -> None:
    goal = plan.deploy(now, asks(ONE, "canary" if now.canary else "stable"))
    assert (goal.state, goal.gate) == (now, None)


def test_deploy_of_another_release_replaces_stable_behind_the_infrastructure_gate() -> None:
    goal = plan.deploy(running(ONE), asks(TWO))
    assert tracks(goal.state) == {"stable": "2"}
    assert goal.gate == "infrastructure"
    assert goal.state.instances[0].id == "stable-3"


@pytest.mark.parametrize("wanted", [ONE, TWO])
def test_deploy_with_mode_edited_to_canary_names_promote_canary(wanted: Release) -> None:
    with pytest.raises(errors.NotPossible, match="promote canary"):
        plan.deploy(running(ONE), asks(wanted, "canary"))


@pytest.mark.parametrize("now", [running(ONE, TWO), running(None, TWO)])
def test_deploy_of_a_third_release_during_a_canary_is_not_possible(now: State) -> None:
    with pytest.raises(errors.NotPossible, match="promote canary"):
        plan.deploy(now, asks(THREE))


def test_deploy_with_changed_settings_keeps_the_instances_and_routes_anew() -> None:
    changed = replace(asks(ONE), settings=replace(SETTINGS, proxy_timeout_seconds=5.0))
    goal = plan.deploy(running(ONE), changed)
    assert goal.state.instances == running(ONE).instances
    assert goal.state.generation == 3
    assert goal.gate == "infrastructure"


@pytest.mark.parametrize("to", ["stable", "canary"])
def test_promote_on_nothing_is_not_possible(to: str) -> None:
    with pytest.raises(errors.NotPossible, match="swiftdeploy deploy"):
        plan.promote(State(), asks(ONE), "canary" if to == "canary" else "stable", None)


@pytest.mark.parametrize("wanted", [ONE, TWO])
def test_promote_canary_starts_a_canary_beside_stable_and_judges_it(wanted: Release) -> None:
    goal = plan.promote(running(ONE), asks(wanted), "canary", None)
    assert tracks(goal.state) == {"stable": "1", "canary": wanted.id}
    assert goal.state.weight == 25
    assert (goal.gate, goal.judged) == ("canary", goal.state.canary)


def test_promote_canary_again_judges_the_running_canary_and_sets_the_weight() -> None:
    now = running(ONE, TWO)
    goal = plan.promote(now, asks(TWO), "canary", 60)
    assert goal.state == replace(now, generation=3, weight=60)
    assert goal.judged == now.canary


def test_promote_canary_again_with_the_same_weight_still_asks_the_gate() -> None:
    now = running(ONE, TWO)
    goal = plan.promote(now, asks(TWO), "canary", 25)
    assert (goal.state, goal.gate, goal.judged) == (now, "canary", now.canary)


@pytest.mark.parametrize("stable", [ONE, None])
def test_promote_canary_of_another_release_replaces_the_canary(stable: Release | None) -> None:
    goal = plan.promote(running(stable, TWO), asks(THREE), "canary", None)
    assert tracks(goal.state).get("canary") == "3"
    assert goal.judged == goal.state.canary
    assert goal.state.weight == (25 if stable else 100)


def test_promote_stable_with_only_stable_of_that_release_is_already_so() -> None:
    goal = plan.promote(running(ONE), asks(ONE), "stable", None)
    assert (goal.state, goal.gate) == (running(ONE), None)


def test_promote_stable_with_only_another_stable_is_not_possible() -> None:
    with pytest.raises(errors.NotPossible, match="deploy"):
        plan.promote(running(ONE), asks(TWO), "stable", None)


@pytest.mark.parametrize("canary", [ONE, TWO])
def test_promote_stable_back_to_what_the_manifest_asks_is_not_gated(canary: Release) -> None:
    goal = plan.promote(running(ONE, canary), asks(ONE), "stable", None)
    assert (tracks(goal.state), goal.gate, goal.state.weight) == ({"stable": "1"}, None, 0)
    assert goal.state.stable == running(ONE).stable  # warm: the same instance


@pytest.mark.parametrize("stable", [ONE, None])
def test_promote_stable_of_the_canary_starts_it_in_stable_mode_and_judges_the_canary(stable: Release | None) -> None:
    now = running(stable, TWO)
    goal = plan.promote(now, asks(TWO), "stable", None)
    assert tracks(goal.state) == {"stable": "2"}
    assert (goal.gate, goal.judged) == ("canary", now.canary)


@pytest.mark.parametrize("stable", [ONE, None])
def test_promote_stable_after_the_manifest_was_edited_is_not_possible(stable: Release | None) -> None:
    with pytest.raises(errors.NotPossible, match="edited"):
        plan.promote(running(stable, TWO), asks(THREE), "stable", None)


def test_rollback_on_nothing_is_not_possible() -> None:
    with pytest.raises(errors.NotPossible):
        plan.rollback(State(), ONE)


def test_rollback_of_a_canary_goes_to_the_warm_stable_track_and_leaves_its_release() -> None:
    goal = plan.rollback(running(ONE, TWO), THREE)
    assert (tracks(goal.state), goal.gate, goal.left) == ({"stable": "1"}, None, "2")


def test_rollback_of_a_canary_of_the_same_release_leaves_no_release() -> None:
    assert plan.rollback(running(ONE, ONE), None).left == ""


@pytest.mark.parametrize("now", [running(TWO), running(None, TWO)])
def test_rollback_of_the_only_track_goes_back_to_the_earlier_release(now: State) -> None:
    goal = plan.rollback(now, ONE)
    assert (tracks(goal.state), goal.mode, goal.gate, goal.left) == ({"stable": "1"}, "stable", None, "2")


def test_rollback_without_an_earlier_release_is_not_possible() -> None:
    with pytest.raises(errors.NotPossible, match="no earlier release"):
        plan.rollback(running(ONE), None)


releases = st.sampled_from([ONE, TWO, THREE])
states = st.builds(running, st.none() | releases, st.none() | releases, st.integers(1, 100)).map(
    lambda state: state if state.instances else State()
)
wishes = st.sampled_from(["deploy", "promote canary", "promote stable", "rollback"])


@given(states, releases, st.sampled_from(["stable", "canary"]), st.integers(1, 100), wishes, st.none() | releases)
def test_every_goal_is_a_whole_state(
    now: State, wanted: Release, mode: str, weight: int, wish: str, target: Release | None
) -> None:
    asked = asks(wanted, mode, weight)
    try:
        goal = {
            "deploy": lambda: plan.deploy(now, asked),
            "promote canary": lambda: plan.promote(now, asked, "canary", None),
            "promote stable": lambda: plan.promote(now, asked, "stable", None),
            "rollback": lambda: plan.rollback(now, target),
        }[wish]()
    except errors.NotPossible as error:
        if not error.next_step:
            pytest.fail("it must name the command that is possible")
        return
    after = goal.state
    assert after.instances, "a goal never leaves a project without a track"
    assert len({one.id for one in after.instances}) == len(after.instances)
    assert len({one.track for one in after.instances}) == len(after.instances)
    assert after.weight == 0 if after.canary is None else 1 <= after.weight <= 100
    assert after.weight == 100 or after.stable is not None or after.canary is None
    assert after == now or after.generation == now.generation + 1
    assert goal.judged is None or goal.judged in (*now.instances, *after.instances)
    assert (goal.gate == "canary") == (goal.judged is not None)
    started = moves(now, after).start
    assert all(one.id not in {old.id for old in now.instances} for one in started)
    if wish != "rollback" and after != now and goal.gate is None:
        assert not started, "nothing new gets traffic without a gate"


def test_without_a_probe_a_first_canary_is_tried_on_its_smallest_share() -> None:
    now = running(ONE)
    goal = plan.promote(now, replace(asks(TWO), trial_weight=10), "canary", 25)
    assert goal.trial
    assert (goal.trial.weight, goal.state.weight) == (10, 25)
    assert goal.trial.instances == goal.state.instances
    assert goal.state.generation == goal.trial.generation + 1 == now.generation + 2


def test_a_trial_is_never_more_than_was_wished() -> None:
    goal = plan.promote(running(ONE), replace(asks(TWO), trial_weight=10), "canary", 5)
    assert goal.trial == goal.state
    assert goal.state.weight == 5


def test_who_serves_already_needs_no_trial() -> None:
    assert plan.promote(running(ONE, TWO), replace(asks(TWO), trial_weight=10), "canary", 50).trial is None

"""Where no probe can judge a new canary, users of a small share do, and it goes on or back from there."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import Bench

from swiftdeploy.edge.bundled import folder
from swiftdeploy.flow.world import World
from swiftdeploy.model import errors, journal
from swiftdeploy.model.state import State
from swiftdeploy.verbs.deploy import deploy
from swiftdeploy.verbs.promote import promote


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.edit("  window: 1s", "  window: 1s\n  probe: off\n  steps: [10, 100]")
    deploy(made.world())
    made.ask_for("2.0.0")
    return made


def routed(bench: Bench) -> list[State]:
    """Every state that the proxy was given from now on."""
    seen: list[State] = []
    route = bench.engine.route

    def noted(state: State) -> None:
        route(state)
        seen.append(state)

    bench.engine.route = noted  # type: ignore[method-assign]
    return seen


def runs(world: World) -> State:
    last = journal.committed(world.journal.changes())
    assert last is not None
    return last.state


def test_it_gets_its_smallest_share_before_it_is_judged_and_the_wish_afterwards(bench: Bench) -> None:
    seen = routed(bench)
    promote("canary", 50, bench.world())
    assert [one.weight for one in seen] == [10, 50]
    assert runs(bench.world()).weight == 50
    assert any("takes 10 % of the requests" in said for said in bench.console.said)


def test_a_denial_takes_it_back_and_stops_it_only_when_nobody_is_routed_to_it(bench: Bench) -> None:
    seen = routed(bench)
    bench.judge.verdicts = ["deny"]
    with pytest.raises(errors.Denied):
        promote("canary", 50, bench.world())
    assert [one.weight for one in seen] == [10, 0]
    assert runs(bench.world()).canary is None
    assert bench.engine.stopped == ["canary-2"]  # the fake engine refuses to stop what is routed to


def test_what_is_in_flight_on_it_is_waited_for_before_it_is_stopped(bench: Bench) -> None:
    answers = ["1 in flight", None]
    order: list[str] = []

    def busy(ids: tuple[str, ...]) -> str | None:
        order.append(f"busy {ids}")
        return answers.pop(0) if answers else None

    stop = bench.engine.stop
    bench.engine.busy = busy  # type: ignore[assignment, method-assign]
    bench.engine.stop = lambda name, grace: (order.append(f"stop {name}"), stop(name, grace))  # type: ignore
    bench.judge.verdicts = ["none"]
    with pytest.raises(errors.NoDecision):
        promote("canary", 50, bench.world())
    assert order == ["busy ('canary-2',)", "busy ('canary-2',)", "stop canary-2"]


def test_no_user_meets_it_where_no_policy_could_judge_it(bench: Bench) -> None:
    policies = bench.root / "policies"
    policies.mkdir()
    for one in folder("policies").iterdir():
        text = one.read_text(encoding="utf-8")
        (policies / one.name).write_text(
            text.replace('"max_error_rate_percent": 1.0', '"max_error_rate_percent": null')
        )
    seen = routed(bench)
    with pytest.raises(errors.NoDecision, match="max_error_rate_percent"):
        promote("canary", 50, bench.world())
    assert seen == []

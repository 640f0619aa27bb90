"""The changing verbs over a fake stack: what runs, what is recorded, what is put back."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import Bench

from swiftdeploy.flow.world import PhaseName
from swiftdeploy.model import errors, journal
from swiftdeploy.model.state import State
from swiftdeploy.verbs.deploy import deploy
from swiftdeploy.verbs.promote import promote
from swiftdeploy.verbs.rollback import rollback
from swiftdeploy.verbs.teardown import teardown

BEFORE_THE_COMMIT: tuple[PhaseName, ...] = (
    "start-new",
    "ready",
    "measure",
    "decide",
    "record-decision",
    "switch",
    "verify",
)


def names(bench: Bench) -> list[str]:
    return [journal.encode(one.event, 1, "", "", "", "").split('"event":"')[1].split('"')[0] for one in entries(bench)]


def entries(bench: Bench) -> list[journal.Entry]:
    return list(bench.world().journal.entries())


def runs(bench: Bench) -> dict[str, str]:
    return {one.track: one.release.version for one in bench.engine.up.values()}


def committed(bench: Bench) -> State:
    last = journal.committed(bench.world().journal.backwards())
    assert last
    return last.state


def test_deploy_asks_policy_before_it_writes_an_intent(bench: Bench) -> None:
    deploy(bench.world())
    assert names(bench) == ["decision", "intent", "deploy", "finished"]
    assert runs(bench) == {"stable": "1.0.0"}
    assert (bench.root / "nginx.conf").exists()


def test_a_second_deploy_changes_nothing_and_is_recorded(bench: Bench) -> None:
    first = deploy(bench.world())
    assert deploy(bench.world()) == first
    assert names(bench)[-2:] == ["intent", "unchanged"]
    assert bench.engine.stopped == []


def test_a_second_deploy_starts_again_what_died(bench: Bench) -> None:
    deploy(bench.world())
    bench.engine.dead.add("stable-1")
    deploy(bench.world())
    assert bench.engine.dead == set()
    assert names(bench)[-1] == "unchanged"


def test_a_denied_first_deploy_leaves_nothing_running(bench: Bench) -> None:
    bench.judge.verdicts = ["deny"]
    with pytest.raises(errors.Denied, match="error_rate"):
        deploy(bench.world())
    assert not bench.engine.opened
    assert names(bench) == ["decision", "deploy_blocked"]


def test_no_decision_stops_a_deploy_with_its_own_error(bench: Bench) -> None:
    bench.judge.verdicts = ["none"]
    with pytest.raises(errors.NoDecision, match="broken"):
        deploy(bench.world())


def test_an_override_goes_on_and_is_recorded_before_acting(bench: Bench) -> None:
    bench.judge.verdicts = ["deny"]
    deploy(bench.world(), override="disk is being grown")
    assert names(bench) == ["decision", "intent", "deploy", "finished"]
    assert any("disk is being grown" in one for one in bench.console.warned)


def test_promote_canary_edits_only_the_mode_of_the_manifest(bench: Bench) -> None:
    deploy(bench.world())
    before = bench.manifest.read_text()
    promote("canary", None, bench.world())
    assert bench.manifest.read_text() == before.replace("mode: stable ", "mode: canary ")
    assert runs(bench) == {"stable": "1.0.0", "canary": "1.0.0"}
    assert committed(bench).weight == 25


def test_a_denied_canary_is_removed_and_nothing_else_changed(bench: Bench) -> None:
    before = deploy(bench.world())
    text = bench.manifest.read_text()
    bench.judge.verdicts = ["deny"]
    with pytest.raises(errors.Denied, match="the canary was taken back"):
        promote("canary", None, bench.world())
    assert runs(bench) == {"stable": "1.0.0"}
    assert bench.engine.routed == before == committed(bench)
    assert bench.manifest.read_text() == text
    assert names(bench)[-4:] == ["intent", "decision", "promote_blocked", "undone"]


def test_promote_stable_as_the_way_back_is_never_gated(bench: Bench) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    bench.judge.verdicts = ["deny"]
    promote("stable", None, bench.world())
    assert runs(bench) == {"stable": "1.0.0"}
    assert bench.judge.verdicts == ["deny"]
    assert "mode: stable " in bench.manifest.read_text()


def test_promote_stable_of_a_new_release_replaces_both_tracks(bench: Bench) -> None:
    deploy(bench.world())
    bench.ask_for("2.0.0")
    promote("canary", 10, bench.world())
    assert runs(bench) == {"stable": "1.0.0", "canary": "2.0.0"}
    promote("stable", None, bench.world())
    assert runs(bench) == {"stable": "2.0.0"}


def test_a_release_that_never_gets_ready_is_removed_and_its_log_is_shown(bench: Bench) -> None:
    before = deploy(bench.world())
    bench.ask_for("2.0.0")
    bench.engine.never_ready.add("stable-2")
    with pytest.raises(errors.NotHealthy, match="a line of its log"):
        deploy(bench.world())
    assert runs(bench) == {"stable": "1.0.0"}
    assert bench.engine.routed == before


def test_a_release_that_exits_is_found_without_waiting_for_the_time_out(bench: Bench) -> None:
    bench.engine.dead.add("stable-1")
    bench.engine.start = lambda instance, manifest: bench.engine.up.update({instance.id: instance})  # type: ignore[method-assign]
    with pytest.raises(errors.NotHealthy, match="exited with status 1"):
        deploy(bench.world())


def test_rollback_goes_back_to_the_release_before_and_leaves_the_manifest_but_its_mode(bench: Bench) -> None:
    deploy(bench.world())
    bench.ask_for("2.0.0")
    deploy(bench.world())
    text = bench.manifest.read_text()
    rollback(bench.world())
    assert runs(bench) == {"stable": "1.0.0"}
    assert bench.manifest.read_text() == text
    with pytest.raises(errors.NotPossible, match="no earlier release"):
        rollback(bench.world())  # 2.0.0 was rolled back from, so it is no target


def test_rollback_works_although_the_manifest_is_broken(bench: Bench) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    bench.manifest.write_text("services: [broken\n")
    rollback(bench.world())
    assert runs(bench) == {"stable": "1.0.0"}
    assert bench.manifest.read_text() == "services: [broken\n"


def test_a_rollback_that_does_not_get_ready_says_so_with_its_own_error(bench: Bench) -> None:
    deploy(bench.world())
    bench.ask_for("2.0.0")
    deploy(bench.world())
    bench.engine.never_ready.add("stable-3")
    with pytest.raises(errors.RollbackFailed):
        rollback(bench.world())
    assert runs(bench) == {"stable": "2.0.0"}


def test_teardown_stops_all_and_a_rollback_cannot_reach_behind_it(bench: Bench) -> None:
    deploy(bench.world())
    teardown(bench.world(), clean=True)
    assert runs(bench) == {}
    assert committed(bench) == State()
    assert not (bench.root / "nginx.conf").exists()
    assert (bench.root / "history.jsonl").exists()


def test_teardown_works_without_a_readable_journal(bench: Bench) -> None:
    deploy(bench.world())
    (bench.root / "history.jsonl").write_text("garbage\n" * 3)
    teardown(bench.world())
    assert runs(bench) == {}


@pytest.mark.parametrize("phase", BEFORE_THE_COMMIT)
def test_an_interrupt_before_the_commit_puts_everything_back(bench: Bench, phase: PhaseName) -> None:
    before = deploy(bench.world())
    text = bench.manifest.read_text()

    def stop(name: PhaseName, edge: str) -> None:
        if (name, edge) == (phase, "before"):
            raise errors.Interrupted("stopped by SIGINT")

    bench.ask_for("2.0.0")
    with pytest.raises(errors.Interrupted):
        promote("canary", None, bench.world(stop))
    assert runs(bench) == {"stable": "1.0.0"}
    assert bench.engine.routed == before
    assert names(bench)[-1] == "undone"
    assert bench.manifest.read_text().replace("2.0.0", "1.0.0") == text


def test_a_proxy_that_refuses_the_routes_leaves_the_old_ones(bench: Bench) -> None:
    before = deploy(bench.world())
    bench.ask_for("2.0.0")
    bench.engine.refuse_routes = True
    with pytest.raises(errors.EnvironmentMissing):
        deploy(bench.world())
    bench.engine.refuse_routes = False
    assert bench.engine.routed == before
    assert deploy(bench.world()).stable is not None  # the next command recovers what the failed undo left
    assert runs(bench) == {"stable": "2.0.0"}


def test_a_manifest_changed_meanwhile_is_left_alone_and_that_is_said(bench: Bench) -> None:
    deploy(bench.world())

    def edit(name: PhaseName, edge: str) -> None:
        if (name, edge) == ("switch", "before"):
            bench.edit("weight: 25", "weight: 26")

    promote("canary", None, bench.world(edit))
    assert "mode: stable " in bench.manifest.read_text()
    assert any("changed meanwhile" in one for one in bench.console.warned)


def test_a_broken_template_stops_a_deploy_before_anything_is_changed(bench: Bench) -> None:
    (bench.root / "templates").mkdir()
    (bench.root / "templates" / "docker-compose.yml.tmpl").write_text("services: {{ no_such_name }}\n")
    with pytest.raises(errors.BadFile, match="no_such_name"):
        deploy(bench.world())
    assert runs(bench) == {}
    assert not bench.engine.opened


def test_two_commands_at_once_name_the_holder(bench: Bench, tmp_path: Path) -> None:
    with bench.world().lock("deploy"), pytest.raises(errors.Busy, match="deploy"):
        deploy(bench.world())


def test_a_denied_promote_of_a_serving_canary_says_how_to_leave_it(bench: Bench) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    bench.judge.verdicts = ["deny"]
    with pytest.raises(errors.Denied, match="`swiftdeploy rollback` leaves the canary"):
        promote("canary", 100, bench.world())
    assert runs(bench) == {"stable": "1.0.0", "canary": "1.0.0"}

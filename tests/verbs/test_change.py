"""A change when something fails in it: what is undone, what is finished, what is said."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Bench, FakeClock

from swiftdeploy.edge.interrupts import Interrupts
from swiftdeploy.edge.phases import stop_if_wanted
from swiftdeploy.flow.world import Clock, PhaseName, World
from swiftdeploy.model import errors, journal
from swiftdeploy.model.event import Committed, Event, Intent
from swiftdeploy.verbs import status
from swiftdeploy.verbs.deploy import deploy
from swiftdeploy.verbs.promote import promote
from swiftdeploy.verbs.rollback import rollback
from swiftdeploy.verbs.teardown import teardown


def open_ended(bench: Bench) -> Intent | Committed | None:
    return journal.unfinished(bench.world().journal.changes())


def test_a_denied_promote_after_an_equal_one_has_an_outcome(bench: Bench) -> None:
    deploy(bench.world())
    for _ in range(3):  # the second and third are equal: same state, manifest and words
        promote("canary", None, bench.world())
    bench.judge.verdicts = ["deny"]
    with pytest.raises(errors.Denied):
        promote("canary", None, bench.world())
    assert open_ended(bench) is None


def test_an_error_after_the_commit_is_on_disk_undoes_nothing(bench: Bench) -> None:
    deploy(bench.world())
    bench.ask_for("2.0.0")

    def fail(name: PhaseName, edge: str) -> None:
        if (name, edge) == ("record-commit", "after"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy(bench.world(fail))
    last = journal.committed(bench.world().journal.changes())
    assert last
    assert bench.engine.routed == last.state


def test_a_ctrl_c_does_not_interrupt_the_undo_that_it_asked_for(bench: Bench) -> None:
    before = deploy(bench.world())
    bench.ask_for("2.0.0")
    interrupts = Interrupts()
    late = [0]

    class InterruptedClock(FakeClock):
        def sleep(self, seconds: float) -> None:
            interrupts.check()
            super().sleep(seconds)

    unrouted = bench.engine.unrouted

    def slowly(state):  # type: ignore[no-untyped-def]
        """A reload takes about 100 ms: not in force at the first questions."""
        late[0] += 1
        if late[0] == 1:
            interrupts.wanted = "SIGINT"
        return "old workers" if late[0] % 5 else unrouted(state)

    bench.engine.unrouted = slowly  # type: ignore[method-assign]
    guard = stop_if_wanted(interrupts.check, lambda deferred: setattr(interrupts, "deferred", deferred))
    world = replace(bench.world(guard), clock=InterruptedClock())
    with pytest.raises(errors.Interrupted, match="was undone"):
        deploy(world)
    assert bench.engine.routed == before
    assert open_ended(bench) is None, "the message says that it was undone"


def test_a_rollback_leaves_a_canary_that_cannot_come_back(bench: Bench) -> None:
    deploy(bench.world())
    bench.ask_for("2.0.0")
    promote("canary", None, bench.world())
    bench.engine.dead.add("canary-2")
    bench.engine.start = lambda instance, manifest: None  # type: ignore[method-assign] # it dies again at once
    with pytest.raises(errors.NotHealthy):
        deploy(bench.world())  # tries to repair it
    rollback(bench.world())
    assert {one.track for one in bench.engine.up.values()} == {"stable"}


def test_a_repair_that_fails_has_an_outcome(bench: Bench) -> None:
    deploy(bench.world())
    bench.engine.dead.add("stable-1")
    bench.engine.never_ready.add("stable-1")
    with pytest.raises(errors.NotHealthy):
        deploy(bench.world())
    assert open_ended(bench) is None


@pytest.mark.parametrize("back", ["rollback", "promote stable"])
def test_the_way_back_never_leads_to_a_dead_instance(bench: Bench, back: str) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    bench.engine.dead.add("stable-1")
    rollback(bench.world()) if back == "rollback" else promote("stable", None, bench.world())
    assert bench.engine.routed
    assert not bench.engine.dead & {one.id for one in bench.engine.routed.instances}


def test_changed_settings_are_not_applied_over_a_dead_instance(bench: Bench) -> None:
    deploy(bench.world())
    bench.engine.dead.add("stable-1")
    bench.edit("proxy_timeout: 30", "proxy_timeout: 31")
    deploy(bench.world())
    assert bench.engine.dead == set()


def test_a_rollback_that_was_committed_is_not_called_failed(bench: Bench) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    (bench.root / "docker-compose.yml").unlink()
    (bench.root / "docker-compose.yml").mkdir()  # so that `write`, after the commit, fails
    rollback(bench.world())
    assert set(bench.engine.up) == {"stable-1"}, "what follows a commit is done as far as it can be"
    assert any("not all files were written" in one for one in bench.console.warned)


def test_a_broken_template_does_not_lock_a_rollback_out(bench: Bench) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    (bench.root / "templates").mkdir()
    (bench.root / "templates" / "docker-compose.yml.tmpl").write_text("services: {{ no_such_name }}\n")
    rollback(bench.world())
    assert set(bench.engine.up) == {"stable-1"}


def test_a_manifest_that_was_removed_meanwhile_does_not_stop_what_follows_a_commit(bench: Bench) -> None:
    deploy(bench.world())
    bench.ask_for("2.0.0")

    def remove(name: PhaseName, edge: str) -> None:
        if (name, edge) == ("verify", "after"):
            bench.manifest.unlink()

    deploy(bench.world(remove))
    assert {one.release.version for one in bench.engine.up.values()} == {"2.0.0"}


def test_a_denied_first_promote_does_not_advise_a_rollback_of_the_stable_release(bench: Bench) -> None:
    deploy(bench.world())
    bench.ask_for("2.0.0")
    deploy(bench.world())
    bench.ask_for("3.0.0")
    bench.judge.verdicts = ["deny"]
    with pytest.raises(errors.Denied) as raised:
        promote("canary", None, bench.world())
    assert "rollback" not in raised.value.next_step  # it would leave 2.0.0 for 1.0.0: the canary is gone already


def test_a_finish_that_is_repeated_does_not_blame_the_user_for_our_own_edit(bench: Bench) -> None:
    deploy(bench.world())

    def die(name: PhaseName, edge: str) -> None:
        if (name, edge) == ("drain", "before"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        promote("canary", None, bench.world(die))
    assert "mode: canary" in bench.manifest.read_text()
    promote("canary", None, bench.world())
    assert not [one for one in bench.console.warned if "changed meanwhile" in one]


class Starts:
    """Notes on which port the judge was last started."""

    def __init__(self, bench: Bench) -> None:
        self.port = 0
        bench.engine.start_judge = self.start  # type: ignore[method-assign]

    def start(self, settings, policies):  # type: ignore[no-untyped-def]
        self.port = settings.opa_port


def test_a_denied_deploy_leaves_the_judge_on_the_committed_port(bench: Bench) -> None:
    judge = Starts(bench)
    deploy(bench.world())
    assert judge.port == 8181
    bench.manifest.write_text(bench.manifest.read_text() + "opa:\n  port: 9191\n")
    bench.judge.verdicts = ["deny"]
    with pytest.raises(errors.Denied):
        deploy(bench.world())
    assert judge.port == 8181


def test_a_promote_that_commits_another_judge_port_moves_the_judge_there(bench: Bench) -> None:
    judge = Starts(bench)
    deploy(bench.world())
    bench.ask_for("2.0.0")
    bench.manifest.write_text(bench.manifest.read_text() + "opa:\n  port: 9191\n")
    state = promote("canary", None, bench.world())
    assert state.settings
    assert judge.port == state.settings.opa_port


def full(world: World) -> World:
    class Full:
        def __getattr__(self, name: str) -> object:
            return getattr(world.journal, name)

        def append(self, event: Event) -> None:
            raise errors.EnvironmentMissing(f"could not be written: {errno.ENOSPC}")

    return replace(world, journal=Full())  # type: ignore[arg-type]


def test_teardown_stops_everything_although_the_disk_is_full(bench: Bench) -> None:
    deploy(bench.world())
    teardown(full(bench.world()))
    assert bench.engine.up == {}


def test_an_undo_that_fails_does_not_hide_why_the_command_failed(bench: Bench) -> None:
    deploy(bench.world())
    bench.ask_for("2.0.0")
    bench.judge.verdicts = ["deny"]

    def stuck(name: str, grace: float) -> None:
        raise errors.EnvironmentMissing("it cannot be stopped")

    bench.engine.stop = stuck  # type: ignore[method-assign]
    with pytest.raises(errors.Denied):
        promote("canary", None, bench.world())


def test_status_check_waits_for_evidence_as_long_as_the_manifest_says(bench: Bench) -> None:
    bench.edit("window: 1s", "window: 90s")
    deploy(bench.world())
    world = bench.world()
    clock: Clock = world.clock
    status.with_evidence(world)
    assert clock.now() >= 90.0


def test_status_names_releases_of_one_version_apart(bench: Bench) -> None:
    deploy(bench.world())
    release = bench.engine.release
    bench.engine.release = lambda manifest: replace(release(manifest), id="r-other")  # type: ignore[method-assign]
    notes = status.snapshot(bench.world()).notes
    assert "manifest asks 1.0.0, 1.0.0 runs" not in notes


def test_status_is_shown_although_the_manifest_asks_what_this_engine_cannot_run(bench: Bench) -> None:
    deploy(bench.world())

    def missing(manifest):  # type: ignore[no-untyped-def]
        raise errors.EnvironmentMissing("services.command is missing")

    bench.engine.release = missing  # type: ignore[method-assign]
    assert any("services.command" in one for one in status.snapshot(bench.world()).notes)


def test_an_override_is_one_row_of_the_report(bench: Bench, tmp_path: Path) -> None:
    from swiftdeploy.model.account import Account

    bench.judge.verdicts = ["deny"]
    deploy(bench.world(), override="disk is being grown")
    account = Account()
    for entry in bench.world().journal.entries():
        account.add(entry)
    assert len(account.overrides.rows) == 1


def test_a_rollback_needs_no_manifest(bench: Bench) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    bench.manifest.unlink()
    rollback(bench.world())
    assert set(bench.engine.up) == {"stable-1"}
    assert not bench.manifest.exists()


def test_an_engine_that_died_under_the_stack_is_brought_back_before_anything_is_judged(bench: Bench) -> None:
    deploy(bench.world())
    bench.engine.up.clear()
    bench.engine.dead.add("stable-1")
    bench.engine.opened = False
    seen: list[bool] = []
    decide = bench.judge.decide

    def look(*asked):  # type: ignore[no-untyped-def]
        seen.append("stable-1" in bench.engine.up and "stable-1" not in bench.engine.dead)
        return decide(*asked)

    bench.judge.decide = look  # type: ignore[method-assign]
    promote("canary", None, bench.world())
    assert seen
    assert all(seen)
    assert any("was started again" in one for one in bench.console.warned)


def test_a_denied_promote_leaves_the_kept_manifest_as_it_was(bench: Bench) -> None:
    deploy(bench.world())
    kept = bench.root / ".swiftdeploy" / "releases" / "r-1.0.0" / "manifest.yaml"
    text = kept.read_text()
    bench.edit("start_timeout: 2s", "start_timeout: 9s")
    bench.judge.verdicts = ["deny"]
    with pytest.raises(errors.Denied) as raised:
        promote("canary", None, bench.world())
    assert kept.read_text() == text
    assert raised.value.details["gate"] == "canary"


def test_a_change_in_a_folder_that_is_no_project_makes_nothing_there(tmp_path: Path) -> None:
    empty = Bench(tmp_path)
    empty.manifest.unlink()
    for verb in (deploy, rollback, teardown):
        with pytest.raises(errors.Unreadable, match="init --example"):
            verb(empty.world())
    assert list(tmp_path.iterdir()) == []


def test_a_canary_alone_goes_back_to_the_canary_before_it(bench: Bench) -> None:
    bench.edit("mode: stable ", "mode: canary ")
    deploy(bench.world())
    bench.ask_for("2.0.0")
    promote("canary", None, bench.world())
    assert {one.release.version for one in bench.engine.up.values()} == {"2.0.0"}
    rollback(bench.world())
    assert {(one.track, one.release.version) for one in bench.engine.up.values()} == {("stable", "1.0.0")}


def test_a_canary_alone_of_another_release_is_no_reason_to_name_a_rollback(bench: Bench) -> None:
    bench.edit("mode: stable ", "mode: canary ")
    deploy(bench.world())
    bench.ask_for("2.0.0")
    with pytest.raises(errors.NotPossible) as raised:
        deploy(bench.world())
    assert "rollback" not in raised.value.next_step


def test_a_journal_that_does_not_know_what_runs_stops_no_stack(bench: Bench) -> None:
    deploy(bench.world())
    (bench.root / "history.jsonl").write_text("")
    for verb in (deploy, rollback):
        with pytest.raises(errors.NotPossible, match="teardown"):
            verb(bench.world())
    assert set(bench.engine.up) == {"stable-1"}
    teardown(bench.world())
    assert bench.engine.up == {}

"""What status says of a stack: figures with evidence only, decisions, and notes; it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Bench, FakeEngine, FakeJudge, FakeWeb

from swiftdeploy.cli.screen import sparkline
from swiftdeploy.flow.world import World
from swiftdeploy.model import errors
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet
from swiftdeploy.model.manifest import Manifest
from swiftdeploy.model.state import Release
from swiftdeploy.verbs import status
from swiftdeploy.verbs.deploy import deploy
from swiftdeploy.verbs.promote import promote

METRICS = """\
# TYPE http_requests_total counter
http_requests_total{{method="GET",path="/",status_code="200"}} {good}
http_requests_total{{method="GET",path="/",status_code="500"}} {bad}
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{{path="/",le="0.1"}} {all}
http_request_duration_seconds_bucket{{path="/",le="+Inf"}} {all}
chaos_active {chaos}
app_uptime_seconds 7
"""


class Counting(FakeWeb):
    """An app whose counters grow by `per_scrape` good and `bad` requests each time it is scraped."""

    per_scrape = 0
    bad = 0
    chaos = 0
    scrapes = 0
    hangs = False

    def get(self, url: str, timeout_seconds: float) -> tuple[int, str]:
        if not url.endswith("/metrics"):
            return super().get(url, timeout_seconds)
        if self.hangs:
            raise TimeoutError("no whole answer in time")
        self.scrapes += 1
        good, bad = self.scrapes * self.per_scrape, self.scrapes * self.bad
        return 200, METRICS.format(good=good, bad=bad, all=good + bad, chaos=self.chaos)


def watched(bench: Bench, per_scrape: int, bad: int = 0, chaos: int = 0) -> World:
    world = bench.world()
    web = Counting(bench.engine)
    web.per_scrape, web.bad, web.chaos = per_scrape, bad, chaos
    return World(**{**vars(world), "web": web})


def test_nothing_runs_is_said_and_checks_with_exit_3(bench: Bench) -> None:
    shot = status.once(bench.world(), 1.0)
    assert shot.tracks == ()
    error = status.verdict(shot)
    assert isinstance(error, errors.NotPossible)


def test_figures_are_those_of_the_window_and_not_of_all_time(bench: Bench) -> None:
    deploy(bench.world())
    shot = status.once(watched(bench, 50, 50), 1.0)
    assert shot.tracks[0].figures.samples == 100
    assert shot.tracks[0].figures.error_rate_percent == 50.0


def test_no_traffic_is_no_figure_and_no_pass(bench: Bench) -> None:
    deploy(bench.world())
    bench.judge.verdicts = ["allow", "none", "allow", "none"]
    shot = status.once(watched(bench, 0), 1.0)
    assert shot.tracks[0].figures.error_rate_percent is None
    event = status.as_event(shot)
    assert (event.error_rate_percent, event.policy_infra_pass, event.policy_canary_pass) == (None, True, None)
    assert isinstance(status.verdict(shot), errors.NoDecision)


def test_the_canary_is_the_track_that_the_canary_policy_judges(bench: Bench) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    shot = status.once(watched(bench, 10, chaos=2), 1.0)
    judged = shot.judged()
    assert judged
    assert (judged.track, judged.share, judged.chaos) == ("canary", 25, "error")
    assert status.as_event(shot).mode == "canary"


def test_the_policy_is_asked_with_what_the_proxy_saw_of_the_canary(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    world = watched(bench, 10)
    line = "swiftdeploy-window\t1000.000\tcanary-2\t/\t0.001\tcanary-2:1, other:1\t502, 200\t0.001, 0.001\t200"
    monkeypatch.setattr(bench.engine, "proxy_log", lambda since: (line,) * 30)
    monkeypatch.setattr(FakeWeb, "get", told_time(FakeWeb.get))
    shot = status.once(world, 1.0)
    assert shot.decisions["canary"].input["error_rate_seen_percent"] == 100.0
    assert shot.decisions["canary"].input["error_rate_percent"] == 79.4328, "30 of 30 prove no more"
    assert shot.tracks[1].figures.error_rate_percent == 0.0


def told_time(get: Callable[[FakeWeb, str, float], tuple[int, str]]) -> Callable[[FakeWeb, str, float], object]:
    return lambda web, url, seconds: (200, "1000.5") if url.endswith("/clock") else get(web, url, seconds)


def test_denied_checks_with_exit_10(bench: Bench) -> None:
    deploy(bench.world())
    bench.judge.verdicts = ["allow", "allow", "allow", "deny"]
    error = status.verdict(status.once(watched(bench, 10), 1.0))
    assert isinstance(error, errors.Denied)


def test_watching_journals_each_refresh_and_once_journals_nothing(bench: Bench) -> None:
    deploy(bench.world())
    world = watched(bench, 10)
    before = sum(1 for _ in world.journal.entries())
    status.once(world, 1.0)
    assert sum(1 for _ in world.journal.entries()) == before
    shots = status.watch(world, 5.0)
    for _ in range(3):
        next(shots)
    assert sum(1 for _ in world.journal.entries()) == before + 2  # the first picture has no window yet


def test_the_window_slides_over_canary_window(bench: Bench) -> None:
    deploy(bench.world())
    shots = status.watch(watched(bench, 10), 0.3)  # canary.window is 1 s here
    seen = [next(shots) for _ in range(8)]
    assert max(one.window_seconds for one in seen) <= 1.0
    assert seen[-1].tracks[0].figures.samples == 30


def test_a_busy_lock_is_named_and_never_waited_for(bench: Bench) -> None:
    deploy(bench.world())
    with bench.world().lock("promote"):
        shot = status.snapshot(bench.world())
    assert any("is running 'promote'" in note for note in shot.notes)


def test_a_broken_manifest_does_not_stop_status(bench: Bench) -> None:
    deploy(bench.world())
    bench.manifest.write_text("services: [\n")
    shot = status.snapshot(bench.world())
    assert any("validate" in note for note in shot.notes)
    assert shot.tracks[0].release.startswith("1.0.0")


def test_a_rendered_file_edited_by_hand_is_noted(bench: Bench) -> None:
    deploy(bench.world())
    with (bench.root / "nginx.conf").open("a") as out:
        out.write("# by hand\n")
    assert any("nginx.conf" in note for note in status.snapshot(bench.world()).notes)


def test_a_sparkline_scales_to_its_largest_value_and_leaves_gaps() -> None:
    assert sparkline([0.0, 50.0, 100.0, None]) == "▁▅█ "
    assert sparkline([0.0, 0.0]) == "▁▁"
    assert sparkline([]) == ""


def test_a_snapshot_can_be_written_as_json(bench: Bench) -> None:
    from swiftdeploy.cli.looking import _fields

    deploy(bench.world())
    fields: Mapping[str, Json] = json.loads(json.dumps(_fields(status.snapshot(bench.world())), default=str))
    assert fields["engine"] == "local"
    assert Path(bench.root, "history.jsonl").exists()


def test_after_a_rollback_the_files_of_what_runs_are_not_called_edited(bench: Bench) -> None:
    from swiftdeploy.verbs.rollback import rollback

    deploy(bench.world())
    bench.ask_for("2.0.0")
    deploy(bench.world())
    rollback(bench.world())
    notes = status.snapshot(bench.world()).notes
    assert not any("by hand" in note for note in notes)
    assert any("manifest asks 2.0.0, 1.0.0 runs" in note for note in notes)


def test_a_folder_that_is_no_project_is_refused_and_stays_empty(bench: Bench) -> None:
    bench.manifest.unlink()
    for looks in (lambda: next(status.watch(bench.world(), 1.0)), lambda: status.with_evidence(bench.world())):
        with pytest.raises(errors.Unreadable):
            looks()
    assert list(bench.root.iterdir()) == []


def test_watching_where_nothing_runs_journals_nothing(bench: Bench) -> None:
    shots = status.watch(bench.world(), 5.0)
    assert [next(shots).tracks for _ in range(3)] == [(), (), ()]
    assert list(bench.world().journal.entries()) == []


def test_a_track_that_does_not_answer_shows_no_figures_of_earlier(bench: Bench) -> None:
    deploy(bench.world())
    world = watched(bench, 100)
    fresh = status.once(world, 1.0)
    assert fresh.tracks[0].answers
    assert fresh.tracks[0].figures.samples == 100
    world.web.hangs = True  # type: ignore[attr-defined]
    shot = status.snapshot(world, fresh)
    view = shot.tracks[0]
    assert not view.answers
    assert (view.figures.samples, view.requests_per_second, view.chaos, view.uptime_seconds) == (0, None, None, None)
    assert bench.judge.asked[-1][1]["samples"] == 0  # nor is the policy asked about them


def test_a_track_that_answers_again_is_measured_over_the_gap(bench: Bench) -> None:
    deploy(bench.world())
    world = watched(bench, 100)
    shot = status.once(world, 0.3)
    world.web.hangs = True  # type: ignore[attr-defined]
    shot = status.snapshot(world, shot)
    world.web.hangs = False  # type: ignore[attr-defined]
    assert status.snapshot(world, shot).tracks[0].figures.samples == 200


class HealthAtRoot(FakeEngine):
    def release(self, manifest: Manifest) -> Release:
        return replace(super().release(manifest), health_path="/")


def test_requests_to_the_manifests_own_health_path_are_no_users(tmp_path: Path) -> None:
    bench = Bench(tmp_path, HealthAtRoot())
    deploy(bench.world())
    assert status.once(watched(bench, 100), 1.0).tracks[0].figures.samples == 0


def test_a_check_of_a_dead_stack_ends_at_once_and_names_what_is_down(bench: Bench) -> None:
    deploy(bench.world())
    world = watched(bench, 0)
    bench.engine.dead.add("stable-1")
    error = status.verdict(status.with_evidence(world, 600.0))
    assert world.clock.now() <= 2.0
    assert isinstance(error, errors.NoDecision)
    assert "stable-1 is stopped" in str(error)
    assert "`swiftdeploy deploy`" in str(error)


def test_a_check_waits_for_a_part_that_comes_back_by_itself(bench: Bench) -> None:
    deploy(bench.world())
    world = watched(bench, 100)
    bench.engine.dead.add("stable-1")
    asked = bench.judge.asked
    before = len(asked)

    class Reviving(FakeWeb):
        def get(self, url: str, timeout_seconds: float) -> tuple[int, str]:
            if len(asked) > before:  # after the first look
                bench.engine.dead.discard("stable-1")
            return world.web.get(url, timeout_seconds)

    shot = status.with_evidence(World(**{**vars(world), "web": Reviving(bench.engine)}), 600.0)
    assert status.verdict(shot) is None


def test_a_stopped_part_is_noted_with_what_repairs_it(bench: Bench) -> None:
    deploy(bench.world())
    bench.engine.dead.add("stable-1")
    assert any(
        "stable-1 is stopped" in note and "`swiftdeploy deploy` repairs it" in note
        for note in status.snapshot(bench.world()).notes
    )


def test_a_check_that_is_given_longer_than_canary_window_uses_all_of_it(bench: Bench) -> None:
    deploy(bench.world())  # canary.window is 1 s here
    shot = status.with_evidence(watched(bench, 30), 10.0)
    assert shot.tracks[0].figures.samples == 120
    assert shot.window_seconds == 4.0


def test_parts_that_stopped_for_the_same_reason_are_named_together(bench: Bench) -> None:
    deploy(bench.world())
    promote("canary", None, bench.world())
    bench.engine.dead |= set(bench.engine.up)
    assert any(note.startswith("stable-1, canary-2 are stopped: ") for note in status.snapshot(bench.world()).notes)


def test_a_check_without_enough_requests_says_how_many_came(bench: Bench) -> None:
    deploy(bench.world())
    world = World(**{**vars(watched(bench, 1)), "judge": Lacking()})
    error = status.verdict(status.with_evidence(world, 3.0))
    assert isinstance(error, errors.NoDecision)
    assert "canary: NO EVIDENCE (3 of 100)" in str(error)
    assert "null" not in str(error)


def test_a_check_of_an_app_that_does_not_answer_names_it_and_its_log(bench: Bench) -> None:
    deploy(bench.world())
    world = World(**{**vars(watched(bench, 100)), "judge": Lacking()})
    world.web.hangs = True  # type: ignore[attr-defined]
    said = str(status.verdict(status.with_evidence(world, 3.0)))
    assert "stable-1 does not answer at its metrics page" in said
    assert "swiftdeploy logs stable" in said


class Lacking(FakeJudge):
    """Finds too little evidence for the canary gate, as the shipped policy does."""

    def decide(self, gate: Gate, facts: Mapping[str, Json], policies: PolicySet) -> Decision:
        if gate == "infrastructure":
            return super().decide(gate, facts, policies)
        reasons = ("error_rate is null, maximum allowed is 1.00%", "samples is 0, minimum required is 100")
        return Decision(
            gate, "none", reasons, facts, "fake", "", evidence="insufficient", failure="too little evidence"
        )

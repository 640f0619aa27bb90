"""What `assert`, `wait` and `host` ask of a stack."""

from __future__ import annotations

import json
from dataclasses import replace

from swiftdeploy.flow.world import Part
from swiftdeploy.model.load import Answer
from swiftdeploy.model.scrape import parse_scrape
from swiftdeploy.scenario.effects import FileFacts
from swiftdeploy.scenario.scene import Since


def answers(begun, outcome, count, status=200):
    return [Answer(begun, 0.01, status, outcome)] * count


def loaded(stage, *given):
    stage.play("deploy: {}\nload: {rps: 1, background: true}")
    stage.effects.load.answers = [one for part in given for one in part]


def result(stage, step):
    return stage.play(step)[-1]


def test_a_decision_with_its_reasons_passes(stage):
    stage.bench.judge.verdicts = ["deny"]
    asked = "assert: {policy: infrastructure, decision: deny, reasons: ['error_rate*']}"
    assert result(stage, asked).result == "passed"


def test_another_decision_is_asked_for_again_until_within(stage):
    stage.bench.judge.verdicts = ["deny", "none", "allow"]
    assert result(stage, "assert: {policy: infrastructure, decision: allow, within: 5s}").result == "passed"
    assert [line["outcome"] for line in stage.scene.lines()] == ["deny", "none", "allow"]


def test_a_decision_that_never_comes_fails_with_the_last_one(stage):
    failed = result(stage, "assert: {policy: infrastructure, decision: deny, within: 1s}")
    assert (failed.expected, failed.got) == ("policy infrastructure to decide deny within 1 s", "allow (no reasons)")


def test_the_facts_that_policy_saw_can_be_bounded(stage):
    assert result(stage, "assert: {policy: infrastructure, facts: {cpu_count: {min: 1}}}").result == "passed"
    failed = result(stage, "assert: {policy: infrastructure, facts: {simulated: false}, within: 1ms}")
    assert "input.simulated is True and not False" in failed.got


def test_the_canary_policy_needs_a_canary(stage):
    assert "no canary runs" in result(stage, "assert: {policy: canary}").got


def test_the_canary_policy_judges_the_canary_with_a_probe(stage):
    stage.play("deploy: {}\npromote: canary")
    assert result(stage, "assert: {policy: canary, decision: allow, facts: {samples: 300}}").result == "passed"


def test_shares_count_responses_begun_after_the_last_change(stage):
    stage.world.clock.sleep(10)
    loaded(stage, answers(1.0, "canary", 50), answers(20.0, "stable", 30))
    assert result(stage, "assert: {traffic: {stable: 100}}").result == "passed"


def test_a_share_out_of_bounds_fails(stage):
    loaded(stage, answers(20.0, "canary", 10), answers(20.0, "stable", 30))
    failed = result(stage, "assert: {traffic: {canary: {max: 20}}, within: 1s}")
    assert failed.got == "25.0 % of 40 responses"


def test_few_responses_are_no_evidence(stage):
    loaded(stage, answers(20.0, "stable", 19))
    assert result(stage, "assert: {traffic: {stable: 100}, within: 1s}").got == "19 (1 loads)"


def test_traffic_without_a_load_fails_at_once(stage):
    before = stage.world.clock.now()
    assert result(stage, "assert: {traffic: {stable: 100}, within: 30s}").result == "failed"
    assert stage.world.clock.now() == before


def test_dropped_are_lost_requests_and_not_the_apps_own_errors(stage):
    loaded(stage, answers(20.0, "canary", 5, status=500))
    assert result(stage, "assert: {dropped_requests: 0}").result == "passed"


def test_too_many_dropped_requests_fail_at_once_and_are_named(stage):
    loaded(stage, answers(20.0, "proxy", 2, status=502), answers(20.0, "reset", 1, status=0))
    failed = result(stage, "assert: {dropped_requests: 0, within: 30s}")
    assert (failed.expected, failed.got) == ("dropped requests to be exactly 0", "3 of 3 (2 x proxy 502, 1 x reset)")


def test_journal_events_are_matched_and_counted(stage):
    stage.play("deploy: {}")
    assert result(stage, "assert: {journal: {event: deploy, where: {mode: stable}}}").result == "passed"
    failed = result(stage, "assert: {journal: {event: rollback, count: {min: 1}}, within: 1ms}")
    assert failed.got == "0"


def test_status_is_matched_as_far_as_it_is_named(stage):
    stage.play("deploy: {}")
    asked = (
        "assert: {status: {mode: stable, tracks: {stable: {version: '1.0.0', share: 100}}, parts: {proxy: running}}}"
    )
    assert result(stage, asked).result == "passed"


def test_all_conditions_of_one_assert_must_hold(stage):
    stage.play("deploy: {}")
    failed = result(stage, "assert: {journal: {event: deploy}, policy: infrastructure, decision: none, within: 1ms}")
    assert failed.result == "failed"


def test_a_wait_that_runs_out_of_time_still_says_what_was_missing(stage):
    failed = stage.play("{wait: {until: {journal: {event: rollback}}}, timeout: 2s}")[-1]
    assert (failed.expected, failed.got) == ("at least 1 journal events like rollback within 1.9 s", "0")


def test_wait_until_takes_the_conditions_of_assert(stage):
    assert result(stage, "wait: {until: {policy: infrastructure, decision: allow}}").result == "passed"


METRICS = """\
# TYPE http_requests_total counter
http_requests_total{{method="GET",path="/",status_code="200"}} {good}
http_requests_total{{method="GET",path="/",status_code="500"}} {bad}
"""


def test_metrics_of_a_track_count_from_its_last_change(stage, monkeypatch):
    pages = {"text": METRICS.format(good=1000, bad=500)}
    web = stage.world.web
    own = web.get
    monkeypatch.setattr(web, "get", lambda url, s: (200, pages["text"]) if url.endswith("/metrics") else own(url, s))
    stage.play("deploy: {}")
    pages["text"] = METRICS.format(good=1090, bad=510)
    asked = "assert: {metrics: {of: stable, samples: 100, errors: 10, error_rate_percent: {min: 9, max: 11}}}"
    assert result(stage, asked).result == "passed"
    failed = result(stage, "assert: {metrics: {of: stable, error_rate_percent: {max: 1}}, within: 1ms}")
    assert (failed.guilty, failed.got.split(" from")[0]) == ("stable-1", "10")


def test_metrics_without_samples_are_no_evidence(stage):
    stage.play("deploy: {}")
    failed = result(stage, "assert: {metrics: {of: stable, error_rate_percent: 0}, within: 1ms}")
    assert failed.got.startswith("no evidence")


def test_only_a_step_that_changes_a_track_opens_its_window_anew(stage):
    stage.play("deploy: {}\npromote: {to: canary, weight: 25}")
    stage.world.clock.sleep(5)
    before = dict(stage.scene.since)
    stage.play("deploy: {}\nrequest: /")
    assert stage.scene.since == before
    stage.play("chaos: {on: canary, fault: error, rate: 1}")
    changed = {track for track, since in stage.scene.since.items() if since != before[track]}
    assert changed == {"canary"}


def test_a_scrape_that_was_noted_is_the_one_to_count_from(stage):
    stage.play("deploy: {}")
    assert isinstance(stage.scene.since["stable"], Since)
    assert parse_scrape(METRICS.format(good=1, bad=0), 0.0) is not None


def test_sockets_and_files_of_the_machine_can_be_asked(stage):
    path = f"{stage.bench.root}/manifest.yaml"
    stage.effects.files[path] = FileFacts("file", "0644", "root", 10, "services:")
    good = "manifest.yaml: {mode: '0644', contains: services}, gone: {exists: false}"
    assert result(stage, f"host: {{sockets: 'tcp://18080', files: {{{good}}}}}").result == "passed"
    assert result(stage, "host: {sockets: 'tcp://1'}").got == "none"
    assert result(stage, "host: {files: {manifest.yaml: {mode: '0600'}}}").result == "failed"
    assert result(stage, "host: {files: {manifest.yaml: {contains: nginx}}}").result == "failed"
    assert result(stage, "host: {files: {gone: {}}}").got == "nothing"


def test_a_part_that_does_not_run_cannot_be_asked(stage):
    assert "there is no process of stable" in result(stage, "host: {of: stable, user: app}").got


def test_a_part_is_asked_through_its_process(stage, monkeypatch):
    stage.play("deploy: {}")
    parts = stage.bench.engine.parts
    monkeypatch.setattr(stage.bench.engine, "parts", lambda state: tuple(replace(one, pid=7) for one in parts(state)))
    good = "{of: stable, user: app, listens: '127.0.0.1:*', processes: 'python*', environment: {MODE: stable}}"
    assert result(stage, f"host: {good}").result == "passed"
    stage.effects.listening = ("0.0.0.0:80",)
    assert result(stage, f"host: {good}").got == "0.0.0.0:80"
    assert result(stage, "host: {of: stable, environment: {MODE: canary}}").result == "failed"
    assert result(stage, "host: {of: stable, user: root}").got == "app"


def test_journal_lines_are_plain_data(stage):
    stage.play("deploy: {}")
    assert json.dumps(stage.scene.lines())


def test_a_container_is_asked_by_its_id(stage, monkeypatch):
    stage.play("deploy: {}")
    inside = Part("stable-1", "running", None, container="c0ffee")
    monkeypatch.setattr(stage.bench.engine, "parts", lambda state: (inside,))
    asked = []
    monkeypatch.setattr(stage.effects, "user", lambda part: asked.append(part) or "10001")
    assert result(stage, "host: {of: stable, user: '10001'}").result == "passed"
    assert asked == ["c0ffee"]

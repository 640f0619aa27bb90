"""The order in which steps are played, and what makes one fail."""

from __future__ import annotations

from swiftdeploy.scenario.effects import Reply


def told(results):
    return [(one.step.verb, one.step.always, one.result) for one in results]


def test_steps_run_in_order_and_pass_on_exit_0(stage):
    assert told(stage.play("deploy: {}\nrequest: /\nrollback: {}", always="wait: 10ms")) == [
        ("deploy", False, "passed"),
        ("request", False, "passed"),
        ("rollback", False, "failed"),
        ("wait", True, "passed"),
    ]


def test_always_steps_run_after_a_failure_and_all_of_them(stage):
    results = stage.play("promote: canary\ndeploy: {}", always="rollback: {}\nwait: 10ms")
    assert told(results) == [
        ("promote", False, "failed"),
        ("rollback", True, "failed"),
        ("wait", True, "passed"),
    ]


def test_a_failure_says_place_step_expected_and_got_in_one_sentence(stage):
    (result,) = stage.play("{promote: canary, name: too early}")
    start = "s.yaml:4: step 1 `promote` (too early): expected exit 0, got exit 3: nothing runs"
    assert result.sentence.startswith(start)


def test_an_expected_exit_passes(stage):
    assert told(stage.play("{promote: canary, expect: {exit: 3, error: 'nothing runs*'}}"))[0][2] == "passed"


def test_an_expected_denial_passes_and_asks_for_exit_10(stage):
    stage.bench.judge.verdicts = ["deny"]
    (result,) = stage.play("{deploy: {}, expect: {decision: deny, reasons: 'error_rate*'}}")
    assert result.result == "passed"


def test_a_denial_that_was_not_expected_fails_with_its_reasons(stage):
    stage.bench.judge.verdicts = ["deny"]
    (result,) = stage.play("deploy: {}")
    assert (result.expected, "error_rate is 60.00%" in result.got) == ("exit 0", True)


def test_an_allow_that_should_be_a_denial_fails(stage):
    (result,) = stage.play("{deploy: {}, expect: {decision: deny}}")
    assert (result.expected, result.got) == ("exit 10", "exit 0")


def test_a_reason_that_was_not_given_fails(stage):
    stage.bench.judge.verdicts = ["deny"]
    (result,) = stage.play("{deploy: {}, expect: {decision: deny, reasons: 'p99*'}}")
    assert result.expected == "a reason like 'p99*'"


def test_no_decision_is_not_an_allow(stage):
    results = stage.play("deploy: {}\n{deploy: {}, expect: {decision: allow}}")
    assert results[1].got.startswith("no question to policy")


def test_a_step_for_another_engine_is_skipped(stage):
    assert told(stage.play("{deploy: {}, when: {engine: docker}}")) == [("deploy", False, "skipped")]


def test_a_captured_value_reaches_later_steps(stage):
    stage.play("deploy: {}\n{request: /, capture: {v: json.version}}\nrequest: '/${v}'")
    assert stage.effects.asked[-1][1] == "http://127.0.0.1:18080/1.0.0"


def test_a_capture_that_is_not_there_fails_the_step(stage):
    (result,) = stage.play("{request: /, capture: {v: json.nothing}}")
    assert (result.expected, result.got) == ("json.nothing to capture as v", "no 'nothing' in the step's result")


def test_an_always_step_without_its_captured_value_fails_alone(stage):
    stage.effects.reply = Reply(500, {}, "")
    results = stage.play("{request: /, capture: {v: json.version}}", always="request: '/${v}'\nwait: 1ms")
    assert [one.result for one in results] == ["failed", "failed", "passed"]
    assert results[1].got == "nothing was captured as v"


def test_a_captured_value_of_the_wrong_type_fails_the_step(stage):
    results = stage.play("{request: /, capture: {v: json.version}}\npromote: {to: canary, weight: '${v}'}")
    assert results[1].got == "weight: must be a whole number, not '1.0.0'"


def test_the_stack_can_be_named(stage):
    stage.play("request: '/${stack.port}/${stack.engine}'")
    assert stage.effects.asked[-1][1].endswith("/18080/local")


def test_a_scenario_ends_at_its_timeout_and_still_cleans_up(stage):
    results = stage.play("wait: 10s\ndeploy: {}", head="timeout: 1s", always="wait: 2s")
    assert told(results) == [("wait", False, "failed"), ("wait", True, "passed")]
    assert "the scenario was not done within its timeout of 1 s" in results[0].got


def test_a_step_ends_at_its_own_timeout(stage):
    (result,) = stage.play("{wait: 10s, timeout: 500ms}")
    assert "the step was not done within its timeout of 0.5 s" in result.got


def test_a_command_that_takes_longer_than_within_fails(stage):
    stage.bench.engine.never_ready.add("stable-1")
    (result,) = stage.play("{deploy: {}, expect: {exit: 12}, within: 1s}")
    assert result.expected == "to be done within 1 s"


def test_set_edits_the_manifest_of_the_copy(stage):
    stage.play("set: {services.version: '2.0.0', canary.weight: 5}")
    assert stage.scene.manifest().services.version == "2.0.0"
    assert "# edited by promote and rollback" in stage.bench.manifest.read_text()


def test_host_facts_are_simulated_from_where_they_are_set(stage):
    stage.play("deploy: {}\nfacts: {disk_free_gb: 1.5}\n{assert: {policy: infrastructure}}")
    before, after = (facts for _, facts in stage.bench.judge.asked)
    assert (before["disk_free_gb"], after["disk_free_gb"], after["simulated"]) == (40.0, 1.5, True)


def test_chaos_is_told_to_the_instance_and_journalled(stage):
    results = stage.play("deploy: {}\npromote: canary\nchaos: {on: canary, fault: error, rate: 0.6, duration: 2}")
    assert [one.result for one in results] == ["passed"] * 3
    assert stage.world.web.posted[-1][1] == {"mode": "error", "rate": 0.6}
    assert stage.scene.lines()[-1]["options"] == {"rate": 0.6}


def test_taking_chaos_back_on_an_absent_track_is_done(stage):
    assert told(stage.play("deploy: {}\nchaos: {on: canary, fault: recover}"))[1][2] == "passed"


def test_a_background_load_is_ended_with_the_scene(stage):
    stage.play("load: {id: users, rps: 50, background: true}")
    stage.scene.quiet()
    assert stage.effects.load.stopped


def test_a_load_in_the_foreground_takes_its_time(stage):
    before = stage.world.clock.now()
    stage.play("load: {rps: 50, for: 3s}")
    assert (stage.world.clock.now() - before, stage.effects.load.stopped) == (3.0, True)


def test_two_loads_need_two_ids(stage):
    results = stage.play("load: {rps: 1, background: true}\nload: {rps: 1, background: true}")
    assert "was started before" in results[1].got


def test_a_program_is_run_in_the_copy(stage):
    stage.play("run: [ls, -l]")
    assert stage.effects.asked[-1][:2] == (("ls", "-l"), str(stage.bench.root))


def test_what_a_program_should_print_may_be_a_glob(stage):
    results = stage.play("{run: [a], expect: {stdout: 'o*'}}\n{run: [a], expect: {stdout: x}}")
    assert [one.result for one in results] == ["passed", "failed"]
    assert "stdout is 'out' and not 'x'" in results[1].got


def test_an_expected_answer_names_status_headers_and_json(stage):
    expect = "expect: {status: 200, headers: {X-Mode: stable}, json: {version: '1.*'}}"
    assert told(stage.play(f"{{request: /, {expect}}}"))[0][2] == "passed"


def test_any_answer_but_2xx_fails_unless_expected(stage):
    stage.effects.reply = Reply(404, {}, "")
    results = stage.play("{request: /, expect: {status: 404}}\nrequest: /")
    assert [one.result for one in results] == ["passed", "failed"]


def test_no_answer_fails_the_step(stage):
    stage.effects.broken = ConnectionRefusedError("refused")
    (result,) = stage.play("request: /")
    assert (result.got, result.guilty) == ("refused", "proxy")


def test_the_guilty_of_a_gateway_error_is_the_proxy(stage):
    stage.effects.reply = Reply(502, {}, "")
    assert stage.play("request: /")[0].guilty == "proxy"

"""The embedded judge: what it survives, and what it says of broken policies."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.model import policy
from swiftdeploy.model.decision import PolicySet

Edit = Callable[[dict[str, str | None]], PolicySet]
GOOD = policy.HEALTHY["canary"]
LOOP = """package swiftdeploy.canary
import rego.v1
decision := count([1 | some i in numbers.range(1, 9000); some j in numbers.range(1, 9000); i + j == 3])
"""
CRASH = """package swiftdeploy.canary
import rego.v1
import data.swiftdeploy.limits
inner := limits.given(input, "x")
outer := object.get(input, "y", inner) with input as {"x": 1}
decision := {"allow": inner == 1, "reasons": {outer}, "domain": "canary", "checked": {}}
"""


def pid_of(judge: Embedded) -> int:
    assert judge._child is not None
    return judge._child.pid


def gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(truth: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not truth() and time.monotonic() < until:
        time.sleep(0.02)
    return truth()


def test_healthy_figures_are_allowed_by_the_embedded_judge(embedded: Embedded, packaged: PolicySet) -> None:
    decision = embedded.decide("canary", GOOD, packaged)
    assert (decision.outcome, decision.judge, decision.policy_digest) == ("allow", "embedded", packaged.digest)


def test_in_force_is_the_digest_that_decided_last(packaged: PolicySet) -> None:
    judge = Embedded(limit_seconds=20.0)
    assert judge.in_force() is None
    judge.decide("canary", GOOD, packaged)
    assert judge.in_force() == packaged.digest
    judge.close()
    assert judge.in_force() is None


def test_a_killed_child_is_started_again(embedded: Embedded, packaged: PolicySet) -> None:
    embedded.decide("canary", GOOD, packaged)
    before = pid_of(embedded)
    os.kill(before, signal.SIGKILL)
    assert wait_until(lambda: gone(before))
    assert embedded.decide("canary", GOOD, packaged).allow
    assert pid_of(embedded) != before


def test_an_evaluation_without_end_is_no_decision_and_its_child_is_killed(packaged: PolicySet, edited: Edit) -> None:
    judge = Embedded(limit_seconds=20.0, start_seconds=3.0)
    judge.decide("infrastructure", policy.HEALTHY["infrastructure"], packaged)
    child = pid_of(judge)
    decision = judge.decide("canary", GOOD, edited({"canary.rego": LOOP}))
    assert (decision.outcome, decision.allow) == ("none", False)
    assert "did not answer in 3 s" in decision.failure  # the dry run of the compile meets it first
    assert gone(child)
    judge.close()


def test_a_decision_that_takes_two_seconds_is_none_and_the_next_one_decides(packaged: PolicySet, edited: Edit) -> None:
    # only for an input that has samples, so that the dry run of the compile does not meet it
    slow = edited(
        {
            "canary.rego": LOOP.replace("decision := count", "decision := n if {\n\tinput.samples > 5\n\tn := count")
            + "}\n"
        }
    )
    judge = Embedded(start_seconds=60.0)
    judge.decide("infrastructure", policy.HEALTHY["infrastructure"], slow)
    child = pid_of(judge)
    began = time.monotonic()
    decision = judge.decide("canary", GOOD, slow)
    took = time.monotonic() - began
    assert (decision.outcome, decision.judge) == ("none", "embedded")
    assert decision.failure == "the embedded judge did not answer in 2 s"
    assert 2.0 <= took < 4.0
    assert gone(child)
    assert judge.decide("infrastructure", policy.HEALTHY["infrastructure"], packaged).allow
    judge.close()


def test_a_child_that_crashes_in_a_decision_is_no_decision_and_the_next_one_decides(
    embedded: Embedded, packaged: PolicySet
) -> None:
    embedded.decide("canary", GOOD, packaged)
    os.kill(pid_of(embedded), signal.SIGSTOP)  # it cannot answer, and dies while we wait for it
    subprocess.Popen((sys.executable, "-c", f"import os, time; time.sleep(0.3); os.kill({pid_of(embedded)}, 9)")).poll()
    decision = embedded.decide("canary", GOOD, packaged)
    assert decision.outcome == "none"
    assert decision.failure == "the embedded judge crashed (signal 9)"
    assert embedded.decide("canary", GOOD, packaged).allow


def test_a_policy_that_crashes_the_evaluator_harms_nobody_else(
    embedded: Embedded, packaged: PolicySet, edited: Edit
) -> None:
    decision = embedded.decide("canary", GOOD, edited({"canary.rego": CRASH}))
    assert decision.outcome == "none"
    assert decision.failure
    assert embedded.decide("canary", GOOD, packaged).allow


def test_down_means_a_child_that_exits_at_once(embedded: Embedded, packaged: PolicySet) -> None:
    embedded.hurt("down")
    decision = embedded.decide("canary", GOOD, packaged)
    assert (decision.outcome, decision.failure) == ("none", "the embedded judge crashed (exit status 1)")
    embedded.hurt("recover")
    assert embedded.decide("canary", GOOD, packaged).allow


def test_garbage_from_the_child_is_no_decision(embedded: Embedded, packaged: PolicySet) -> None:
    embedded.hurt("garbage")
    decision = embedded.decide("canary", GOOD, packaged)
    assert (decision.outcome, decision.failure) == ("none", "the embedded judge answered something that is not JSON")
    embedded.hurt("recover")
    assert embedded.decide("canary", GOOD, packaged).allow


def test_close_ends_the_child(packaged: PolicySet) -> None:
    judge = Embedded()
    judge.decide("canary", GOOD, packaged)
    child = pid_of(judge)
    judge.close()
    assert gone(child)


def test_the_child_dies_with_its_parent() -> None:
    program = """
import sys, time
from swiftdeploy.judges.embedded import Embedded
judge = Embedded()
judge.warm()
print(judge._child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen((sys.executable, "-c", program), stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert wait_until(lambda: gone(child))


def test_any_input_is_kept_as_json_and_judged(embedded: Embedded, packaged: PolicySet) -> None:
    wild = {
        **GOOD,
        "samples": 2**70,
        "error_rate_percent": math.nan,
        'quo"te\n': 'a"b\n\\é\u2028',
        "deep": [{"x": math.inf}],
    }
    decision = embedded.decide("canary", wild, packaged)  # type: ignore[arg-type]
    assert not decision.allow
    assert len(decision.reasons) == 2
    assert json.loads(json.dumps(decision.input, allow_nan=False)) == decision.input


def test_check_of_a_policy_that_hangs_the_evaluator_is_a_finding(edited: Edit) -> None:
    judge = Embedded(limit_seconds=0.3, start_seconds=0.5)
    (finding,) = judge.check(edited({"canary.rego": LOOP}))
    assert "cannot be evaluated: the embedded judge did not answer" in str(finding)
    judge.close()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("package swiftdeploy.canary\nimport rego.v1\nx if { y := \n}\n", "canary.rego:4:1: `}` means nothing here"),
        ('package swiftdeploy.canary\n# é\ndecision := {"a": 1\n', "canary.rego:4:1: expected `}` or `,`"),
        ("package swiftdeploy.canary\n\ndecision := nofn(3)\n", "canary.rego:3:13: there is no function nofn"),
        ("package swiftdeploy.canary\nallow { input.x }\n", "canary.rego:2:1: a rule body needs `if`"),
        ("hello\n", "canary.rego:1:1: has no `package` line"),
        ("", "canary.rego:1:1: has no `package` line"),
    ],
)
def test_policies_that_do_not_compile_are_no_decision_and_name_the_place(
    embedded: Embedded, packaged: PolicySet, edited: Edit, text: str, place: str
) -> None:
    broken = edited({"canary.rego": text})
    decision = embedded.decide("canary", GOOD, broken)
    assert decision.outcome == "none"
    assert place in decision.failure
    assert place in "\n".join(map(str, embedded.check(broken)))
    assert embedded.decide("canary", GOOD, packaged).allow  # the old ones still decide


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({"canary.rego": "package swiftdeploy.canary\nx := 1\n"}, "swiftdeploy.canary defines no rule `decision`"),
        ({"canary.rego": None}, "canary.rego: no file has `package swiftdeploy.canary`"),
        ({"canary.rego": "package swiftdeploy.canary\n\ndecision := 1\n"}, "`decision` is a number"),
        ({"canary.rego": 'package swiftdeploy.canary\ndecision := {"allow": "true"}\n'}, "`decision.allow` is a text"),
        ({"data.json": '{\n "thresholds": nope}'}, "data.json:2:16: is not JSON"),
        ({"data.json": "[1]"}, "data.json: must hold one JSON object"),
        ({"data.json": '{"thresholds": {"min_samples": NaN}}'}, "data.json: NaN is not a JSON number"),
        ({"data.json": "{}"}, "data.json: thresholds: is missing, empty or no object"),
        ({"data.json": '{"thresholds": {\n"min_samples": "ten"}}'},
         'policies/data.json:2:1: thresholds.min_samples: is "ten", which'),
        ({"data.json": '{"thresholds": {"min_samples": 1}}'}, "thresholds.max_cpu_load: is missing"),
        ({"data.json": '{"thresholds": {}}'}, "data.json:1:2: thresholds: is missing, empty or no object"),
    ],
)  # fmt: skip
def test_check_finds_what_can_never_decide(
    embedded: Embedded, edited: Edit, changed: dict[str, str | None], finding: str
) -> None:
    assert finding in "\n".join(map(str, embedded.check(edited(changed))))


def test_a_policy_with_a_byte_order_mark_and_crlf_decides(
    embedded: Embedded, edited: Edit, packaged: PolicySet
) -> None:
    text = "\ufeff" + packaged.files["canary.rego"].replace("\n", "\r\n")
    assert embedded.decide("canary", GOOD, edited({"canary.rego": text})).allow


TESTS = """package swiftdeploy.canary_test
import rego.v1
import data.swiftdeploy.canary

test_good if canary.allow == false with input.samples as 3

test_undefined if canary.allow == true with input.samples as 3

test_false := false
"""


def test_policy_tests_say_which_failed_and_where(embedded: Embedded, edited: Edit) -> None:
    results = embedded.test(edited({"canary_test.rego": TESTS, "infrastructure_test.rego": None}))
    assert [(one.name.rpartition(".")[2], one.line, one.outcome) for one in results] == [
        ("test_good", 5, "passed"),
        ("test_undefined", 7, "failed"),
        ("test_false", 9, "failed"),
    ]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (TESTS + "test_broken if { x := \n}\n", "canary_test.rego:11:"),
        (TESTS + 'test_crash if { x := canary.decision with input as {"samples": 3}\n x.allow == false }\n', "crash"),
    ],
)
def test_a_test_file_that_cannot_run_is_an_error_of_its_own_tests_only(
    embedded: Embedded, edited: Edit, text: str, detail: str
) -> None:
    results = embedded.test(edited({"canary_test.rego": text}))
    mine = [one for one in results if one.file == "canary_test.rego"]
    others = [one for one in results if one.file != "canary_test.rego"]
    assert len(mine) == 4
    assert all(one.outcome == "error" and detail in one.detail for one in mine)
    assert others
    assert all(one.passed for one in others)

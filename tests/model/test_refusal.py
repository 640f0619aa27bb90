"""After a no: the threshold, its file, and the next step that fits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from swiftdeploy.model import policy, refusal
from swiftdeploy.model.decision import Blame, Decision, Gate, PolicySet

POLICIES = Path(__file__).parents[2] / "policies"


def policies(packaged: bool = False, **thresholds: float) -> PolicySet:
    files = {path.name: path.read_text(encoding="utf-8") for path in POLICIES.iterdir()}
    if thresholds:
        files["data.json"] = json.dumps({"thresholds": thresholds})
    return PolicySet(files, policy.digest(files), packaged)


def denied(gate: Gate, *reasons: str) -> Decision:
    return Decision(gate, "deny", reasons, {}, "embedded", "sha256:0")


def undecided(blame: Blame = "", insufficient: bool = False) -> Decision:
    made = replace(denied("canary"), outcome="none", failure="it is so", blame=blame)
    return replace(made, evidence="insufficient") if insufficient else made


@pytest.mark.parametrize(
    ("gate", "reason", "figures"),
    [
        ("canary", "error_rate is 62.50%, maximum allowed is 1.00%", ("error_rate_percent",)),
        ("canary", "error_rate_percent: 62.5 > 1", ("error_rate_percent",)),
        ("canary", "p99_latency is too long", ("p99_latency_ms",)),
        ("canary", "cpu_load_1m is 3", ()),
        ("infrastructure", "cpu_load_1m is 3.15, maximum allowed is 2.0", ("cpu_load_1m",)),
        ("infrastructure", "disk_free is low; mem_free_percent too", ("disk_free_gb", "mem_free_percent")),
        ("canary", "not on Fridays", ()),
    ],
)
def test_figures_are_known_by_name_with_and_without_unit(gate: Gate, reason: str, figures: tuple[str, ...]) -> None:
    assert refusal.figures(denied(gate, reason)) == figures


def test_a_threshold_is_named_with_value_file_and_how_to_look() -> None:
    (line,) = refusal.limits_in_words(denied("infrastructure", "cpu_load_1m is 9"), policies())
    assert line == (
        "thresholds.max_cpu_load_per_cpu (2.0) in policies/data.json; "
        "`swiftdeploy policy explain --gate infrastructure` shows what it judges"
    )


def test_the_threshold_is_the_one_that_counts() -> None:
    (old,) = refusal.limits_in_words(denied("infrastructure", "cpu_load_1m is 9"), policies(max_cpu_load=2.0))
    assert old.startswith("thresholds.max_cpu_load (2.0)")
    assert refusal.limits_in_words(denied("infrastructure", "cpu_load_1m is 9"), policies(my_own=2.0)) == ()


def test_packaged_policies_are_named_as_such() -> None:
    (line,) = refusal.limits_in_words(denied("canary", "error_rate is 9"), policies(packaged=True))
    assert "in packaged data.json" in line


@pytest.mark.parametrize(
    ("decision", "serving", "said"),
    [
        (denied("canary", "error_rate is 9"), True, "`swiftdeploy rollback` leaves the canary"),
        (denied("canary", "error_rate is 9"), False, "mend the release, or change the limit in policies/data.json"),
        (denied("infrastructure", "disk_free_gb is 1"), False, "free what this host lacks, or change the limit"),
        (denied("infrastructure", "not on Fridays"), False, "policies/infrastructure.rego says why"),
    ],
)
def test_the_next_step_after_a_denial_fits(decision: Decision, serving: bool, said: str) -> None:
    assert said in refusal.next_step(decision, serving, policies())


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (undecided("thresholds"), "mend policies/data.json"),
        (undecided("policy"), "mend policies/canary.rego"),
        (undecided(insufficient=True), "raise canary.window or canary.probe.requests"),
        (undecided(), "mend the judge"),
    ],
)
def test_the_next_step_without_a_decision_fits(decision: Decision, said: str) -> None:
    assert said in refusal.undecided(decision, policies())


def test_the_file_to_mend_is_the_one_that_is_wrong_whichever_gate_was_asked() -> None:
    failure = "policies/canary.rego:3: package swiftdeploy.canary allows the worst input that there is"
    decision = replace(undecided("policy"), gate="infrastructure", failure=failure)
    assert refusal.undecided(decision, policies()).startswith("mend policies/canary.rego and run it again")

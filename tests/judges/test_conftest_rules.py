"""Conftest's convention decides alike in both judges: deny, violation, warn."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.judges.opa import Opa
from swiftdeploy.model import conftestrules, policy, proof
from swiftdeploy.model.decision import Decision, Gate, PolicySet

PACKAGES: dict[Gate, str] = {"infrastructure": "main", "canary": "team.release"}
HOST = 'package main\n\ndeny contains "never" if false\n'
Ask = Callable[..., Decision]


@pytest.fixture(params=["embedded", "opa"])
def ask(request: pytest.FixtureRequest, embedded: Embedded) -> Ask:
    """Ask the canary gate of a package about a healthy input with some figures replaced."""
    judge = (
        embedded
        if request.param == "embedded"
        else Opa(request.getfixturevalue("one_opa").port, "deny", embedded, 20.0)
    )

    def asked(rules: str, **changed: Any) -> Decision:
        policies = policy_set(rules)
        return judge.decide("canary", {**proof.healthy("canary", policies), **changed}, policies)

    return asked


def policy_set(rules: str) -> PolicySet:
    files = {
        "release.rego": f"package team.release\n\nimport rego.v1\n\n{rules}\n",
        "host.rego": HOST,
        "data.json": json.dumps({"thresholds": {"max_error_rate_percent": 1.0}}),
    }
    return PolicySet(files, policy.digest(files, PACKAGES), False, PACKAGES)


TEXT = 'deny contains sprintf("error rate %v", [input.samples]) if input.error_rate_percent > 1'
OBJECT = 'deny contains {"msg": "slow", "severity": 3} if input.p99_latency_ms > 500'
BARE = 'violation contains {"code": 7, "why": "busy"} if input.in_flight > 10'
WARN = 'warn contains "not many" if input.samples < 2000'


@pytest.mark.parametrize(
    ("rules", "changed", "outcome", "reasons"),
    [
        (TEXT, {}, "allow", []),
        (TEXT, {"error_rate_percent": 2.0}, "deny", ["error rate 1000"]),
        (f"{TEXT}\n\n{OBJECT}", {"error_rate_percent": 2.0, "p99_latency_ms": 900.0}, "deny",
         ["error rate 1000", "slow"]),
        (f"{OBJECT}\n\n{BARE}", {"in_flight": 11}, "deny", ['{"code": 7, "why": "busy"}']),
        (BARE, {"in_flight": 11}, "deny", ['{"code": 7, "why": "busy"}']),
        (f"{WARN}\n\n{TEXT}", {}, "allow", []),
        ('deny := ["a", {"msg": "b"}]', {}, "deny", ["a", "b"]),
        ("deny := []", {}, "allow", []),
        ("deny contains 5", {}, "none", []),
        ("deny contains null", {}, "none", []),
        ('deny := "a text"', {}, "none", []),
        ("deny := true", {}, "none", []),
        ('deny := ["bad"] if input.error_rate_percent > 1', {}, "none", []),
        ('warn contains "only this"', {}, "none", []),
        ("x := 1", {}, "none", []),
    ],
)  # fmt: skip
def test_what_denies_and_what_is_no_decision(
    ask: Ask, rules: str, changed: dict[str, Any], outcome: str, reasons: list[str]
) -> None:
    decision = ask(rules, **changed)
    assert (decision.outcome, sorted(decision.reasons)) == (outcome, sorted(reasons)), decision.failure
    assert decision.outcome != "none" or decision.blame == "policy"


def test_warnings_are_shown_and_never_deny(ask: Ask) -> None:
    decision = ask(f'{WARN}\n\nwarn contains {{"msg": "young"}}\n\n{TEXT}')
    assert decision.allow
    assert set(decision.warnings) == {"not many", "young"}


@pytest.mark.parametrize("value", [None, "NaN", True])
def test_a_figure_that_is_none_is_never_allowed_by_rules_that_read_it(ask: Ask, value: Any) -> None:
    decision = ask(TEXT, error_rate_percent=value)
    assert decision.outcome == "none"
    assert "error_rate_percent is not a number, and the policy does not say what then" in decision.failure


def test_a_figure_that_is_none_and_not_read_changes_nothing(ask: Ask) -> None:
    assert ask(TEXT, p99_latency_ms=None).allow


def test_a_missing_figure_is_denied_where_the_rules_say_so(ask: Ask) -> None:
    decision = ask(f'{TEXT}\n\ndeny contains "no error rate" if not input.error_rate_percent', error_rate_percent=None)
    assert (decision.outcome, decision.reasons) == ("deny", ("no error rate",))


def test_thresholds_are_in_the_input(ask: Ask) -> None:
    rules = 'deny contains "too many" if input.error_rate_percent > input.thresholds.max_error_rate_percent'
    assert ask(rules, error_rate_percent=0.9).allow
    assert ask(rules, error_rate_percent=1.1).reasons == ("too many",)


def test_a_package_with_a_decision_does_not_follow_the_convention(ask: Ask) -> None:
    shape = '{"allow": true, "reasons": [], "domain": "canary", "checked": {}}'
    assert ask(f'decision := {shape}\n\ndeny contains "helper"').allow


def test_a_package_with_neither_is_a_finding(embedded: Embedded) -> None:
    found = "\n".join(map(str, embedded.check(policy_set("x := 1"))))
    assert "release.rego:1:1: package team.release defines no rule `decision`, and neither `deny`" in found
    assert embedded.check(policy_set(TEXT)) == ()


values = st.one_of(st.text(max_size=5), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2))


@given(deny=st.lists(values, max_size=3), violation=st.lists(values, max_size=3), warn=st.lists(values, max_size=3))
def test_allowed_exactly_when_nothing_denies(deny: list[Any], violation: list[Any], warn: list[Any]) -> None:
    found = conftestrules.document({"deny": [deny], "violation": [violation], "warn": [warn]}, "canary", {})
    assert not isinstance(found, str)
    document, warnings = found
    assert document["allow"] is (deny == violation == [])
    assert len(warnings) == len(warn)

"""Inputs made safe, answers made decisions, files read for what is wrong in them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.model import policy, rego
from swiftdeploy.model.decision import PolicySet

POLICIES = PolicySet({}, "sha256:0", packaged=True)
WHOLE: dict[str, Any] = {"allow": True, "reasons": [], "domain": "canary", "checked": {"samples": 300}}
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=10,
)


def answer(**changed: Any) -> Any:
    return policy.answer("canary", {**WHOLE, **changed}, {}, "opa", POLICIES)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
@settings(max_examples=150, deadline=None)
def test_a_safe_input_is_strict_json_without_anything_a_judge_trips_over(facts: dict[str, Any]) -> None:
    safe = policy.sanitise(facts)
    text = json.dumps(safe, allow_nan=False, ensure_ascii=False)
    assert json.loads(text) == safe
    assert "\\" not in text  # no text in it needs an escape
    assert policy.sanitise(safe) == safe


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e14, max_value=1e14))
def test_figures_keep_their_value_to_four_decimals_and_need_no_exponent(x: float) -> None:
    (safe,) = policy.sanitise({"x": x}).values()
    assert isinstance(safe, float)
    assert safe == round(x, 4)
    assert "e" not in json.dumps(safe)


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        (math.nan, "NaN"),
        (math.inf, "infinite"),
        (2**63, "beyond 1e15"),
        (-1e300, "beyond -1e15"),
        (True, True),
        (None, None),
        (-0.00001, 0.0),
        ("a'\"\\\n\té", "a''/  é"),
        ((1, 2), [1, 2]),
    ],
)
def test_what_no_judge_may_compare_becomes_words(value: Any, safe: Any) -> None:
    assert policy.sanitise({"x": value}) == {"x": safe}


def test_a_whole_figure_that_has_decimals_is_written_with_them() -> None:
    facts = {"disk_free_gb": 8, "cpu_count": 4, "samples": 300, "p99_latency_ms": True, "mem_free_percent": None}
    safe = policy.sanitise(facts)
    assert json.dumps(safe) == json.dumps({**facts, "disk_free_gb": 8.0})


def data_json(**thresholds: object) -> dict[str, str]:
    return {"data.json": json.dumps({"thresholds": thresholds})}


@pytest.mark.parametrize("limits", [{}, {"max_cpu_load": "two"}, {"min_samples": 100, "my_own": "text"}])
def test_figures_with_limits_need_no_trial(limits: dict[str, Any]) -> None:
    facts = {**policy.HEALTHY["canary"], "in_flight": None, "mine": "text"}
    assert policy.trial("canary", facts, data_json(**limits)) is None


def test_a_figure_that_is_no_number_is_left_out_on_trial() -> None:
    facts = {**policy.HEALTHY["canary"], "p99_latency_ms": None}
    left, flaw = policy.trial("canary", facts, {}) or ({}, "")
    assert {name: facts[name] for name in facts.keys() - left.keys()} == {"p99_latency_ms": None}
    assert flaw == ("package swiftdeploy.canary: p99_latency_ms is not a number, and the policy does not say what then")


@pytest.mark.parametrize("limit", [None, "two", True, 1e15])
def test_all_figures_are_left_out_on_trial_when_a_limit_is_no_number(limit: Any) -> None:
    left, flaw = policy.trial("canary", policy.HEALTHY["canary"], data_json(min_samples=limit)) or ({}, "")
    assert policy.HEALTHY["canary"].keys() - left.keys() == set(policy.FIGURES["canary"])
    assert "thresholds.min_samples in data.json is not a number" in flaw


def test_a_whole_answer_is_a_decision() -> None:
    assert answer().outcome == "allow"
    denied = answer(allow=False, reasons=["a is 2, maximum allowed is 1"], evidence="sufficient")
    assert (denied.outcome, denied.reasons, denied.evidence) == (
        "deny",
        ("a is 2, maximum allowed is 1",),
        "sufficient",
    )
    assert denied.packaged


def test_a_denial_without_reasons_is_a_denial() -> None:
    assert (answer(allow=False).outcome, answer(allow=False).reasons) == ("deny", ("policy gave no reason",))


@pytest.mark.parametrize("allow", [True, False])
def test_insufficient_evidence_is_no_decision_and_keeps_its_reasons(allow: bool) -> None:
    decision = answer(allow=allow, evidence="insufficient", reasons=["samples is 3"])
    assert (decision.outcome, decision.allow, decision.reasons) == ("none", False, ("samples is 3",))
    assert decision.failure == "too little evidence"


@given(json_values)
@settings(max_examples=150, deadline=None)
def test_nothing_but_a_whole_document_with_allow_true_allows(value: Any) -> None:
    assert not policy.answer("canary", value, {}, "opa", POLICIES).allow


@given(st.sampled_from(sorted(WHOLE)), json_values)
@settings(max_examples=150, deadline=None)
def test_a_document_with_one_odd_part_never_allows(part: str, value: Any) -> None:
    decision = answer(**{part: value})
    fits = {
        "allow": value is True,
        "reasons": isinstance(value, list) and all(isinstance(one, str) for one in value),
        "domain": isinstance(value, str),
        "checked": isinstance(value, dict),
    }[part]
    assert decision.allow is fits
    assert bool(decision.failure) or decision.outcome != "none"


def test_the_digest_covers_names_and_texts_but_no_tests() -> None:
    files = {"a.rego": "x", "data.json": "{}"}
    assert policy.digest(files) == policy.digest({**dict(reversed(files.items())), "a_test.rego": "y"})
    others = [{"a.rego": "y", "data.json": "{}"}, {"b.rego": "x", "data.json": "{}"}, {"a.rego": "x"}, {"a.regox": ""}]
    assert len({policy.digest(one) for one in [files, *others]}) == 5
    assert policy.digest(files).startswith("sha256:")
    assert len(policy.digest(files)) == 71


def test_the_shown_decision_has_the_documented_fields() -> None:
    shown = policy.shown(answer())
    documented = ["allow", "reasons", "domain", "checked", "evidence", "judge", "policy_digest", "proven", "warnings"]
    assert list(shown) == documented
    assert "failure" in policy.shown(policy.nothing("canary", {}, "opa", POLICIES, "down"))


@pytest.mark.parametrize(
    ("files", "facts", "lacking"),
    [
        ({"data.json": '{"thresholds": {"min_samples": 100}}'}, {"samples": 100}, False),
        ({"data.json": '{"thresholds": {"min_samples": 100}}'}, {"samples": 99}, True),
        ({"data.json": '{"thresholds": {"min_samples": 100}}'}, {}, True),
        ({"data.json": '{"thresholds": {"min_samples": 100}}'}, {"samples": True}, True),
        ({"data.json": '{"thresholds": {"min_samples": null}}'}, {"samples": 500}, True),
        ({"data.json": "{"}, {"samples": 500}, True),
        ({}, {"samples": 500}, True),
    ],
)
def test_evidence_is_counted_even_when_nobody_enforces(
    files: dict[str, str], facts: dict[str, Any], lacking: bool
) -> None:
    assert bool(policy.too_little_evidence("canary", facts, files)) is lacking
    assert policy.too_little_evidence("infrastructure", facts, files) == ""


def test_offsets_of_the_evaluator_are_bytes_and_findings_count_characters() -> None:
    text = "# é\npackage a\nx := !\n"
    offset = len(text[: text.index("!")].encode())
    account = f"(rego-errorseq\n  (error 6:a.rego|{offset}|1\n    (errormsg 8:nonsense)\n    (errorast |3|1)))"
    (found,) = rego.refused({"a.rego": text}, account)
    assert (found.file, found.line, found.column, found.what) == ("a.rego", 3, 6, "nonsense")


def test_tests_are_found_once_with_their_lines() -> None:
    text = (
        "package a_test\n\ntest_one if true\n\ntest_one if false\nnot_test_two if true\n\ttest_three\ntest_f(x) := x\n"
    )
    found = rego.tests({"a_test.rego": text, "a.rego": "package a\ntest_five if true\n"})
    assert [(one.entry, one.line) for one in found] == [("a_test/test_one", 3)]


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("rate is 9.199999999999999", "rate is 9.2"),
        ("load is 3.066666666666667 on 3", "load is 3.06666666667 on 3"),
        ("p99 is 120.5, limit 100.0", "p99 is 120.5, limit 100.0"),
        ("version 1.2.345678901234567", "version 1.2.345678901234567"),
    ],
)
def test_computed_numbers_in_reasons_have_no_stray_digits(said: str, read: str) -> None:
    value = {"allow": False, "reasons": [said], "domain": "canary", "checked": {}}
    files = {"data.json": "{}"}
    found = policy.answer("canary", value, {}, "embedded", PolicySet(files, policy.digest(files), packaged=False))
    assert found.reasons == (read,)

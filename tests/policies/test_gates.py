"""The shipped gates keep their laws for every input and every thresholds file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.model import policy
from swiftdeploy.model.decision import Decision, Gate, PolicySet

quick = settings(max_examples=12, deadline=None)
many = settings(max_examples=40, deadline=None)


@dataclass(frozen=True)
class Limit:
    gate: Gate
    field: str
    threshold: str
    at_most: bool
    named: str  # how a reason calls the field


LIMITS = (
    Limit("infrastructure", "disk_free_gb", "min_disk_free_gb", False, "disk_free_gb"),
    Limit("infrastructure", "cpu_load_1m", "max_cpu_load", True, "cpu_load_1m"),
    Limit("infrastructure", "mem_free_percent", "min_mem_free_percent", False, "mem_free_percent"),
    Limit("canary", "error_rate_percent", "max_error_rate_percent", True, "error_rate"),
    Limit("canary", "p99_latency_ms", "max_p99_latency_ms", True, "p99_latency_ms"),
    Limit("canary", "samples", "min_samples", False, "samples"),
)
each_limit = pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.threshold)
THRESHOLDS: dict[str, Any] = {
    "min_disk_free_gb": 10.0,
    "max_cpu_load": 2.0,
    "min_mem_free_percent": 10.0,
    "max_error_rate_percent": 1.0,
    "max_p99_latency_ms": 500.0,
    "min_samples": 100,
}
figures = st.one_of(st.integers(0, 10_000_000).map(lambda n: n / 10_000), st.integers(0, 30).map(float))
whole = st.integers(0, 30)
junk = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=12),
    st.sampled_from(
        [math.nan, math.inf, -math.inf, 2**63, 2**70, -(2**70), 1e300, "missing", '"', "\n", "\\", "é\u2028"]
    ),
    st.floats(max_value=-0.0001, allow_nan=False),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def with_thresholds(packaged: PolicySet, thresholds: object) -> PolicySet:
    files = {**packaged.files, "data.json": json.dumps({"thresholds": thresholds})}
    return PolicySet(files, policy.digest(files), packaged=False)


def decide(judge: Embedded, gate: Gate, policies: PolicySet, **changed: Any) -> Decision:
    return judge.decide(gate, {**policy.HEALTHY[gate], **changed}, policies)


def test_thresholds_live_in_data_json_only(packaged: PolicySet) -> None:
    shipped = {name: limit for name, limit in THRESHOLDS.items() if name != "max_cpu_load"}
    assert json.loads(packaged.files["data.json"]) == {"thresholds": {**shipped, "max_cpu_load_per_cpu": 2.0}}
    rules = "".join(text for name, text in packaged.files.items() if name.endswith(".rego") and "_test" not in name)
    code = "\n".join(line.partition("#")[0] for line in rules.splitlines())
    assert not [word for word in ("10.0", "2.0", "1.0", "500", "100)") if word in code]


@each_limit
@given(data=st.data())
@quick
def test_the_limit_itself_passes_and_the_next_figure_beyond_is_denied(
    judge: Embedded, packaged: PolicySet, limit: Limit, data: st.DataObject
) -> None:
    bound = data.draw(figures.filter(lambda x: x >= 0.0001))
    beyond = round(bound + 0.0001, 4) if limit.at_most else round(bound - 0.0001, 4)
    policies = with_thresholds(packaged, {**THRESHOLDS, limit.threshold: bound})
    assert decide(judge, limit.gate, policies, **{limit.field: bound}).allow
    denied = decide(judge, limit.gate, policies, **{limit.field: beyond})
    assert not denied.allow
    (reason,) = denied.reasons
    assert reason.startswith(f"{limit.named} is {json.dumps(beyond)}")
    assert f"{'maximum allowed' if limit.at_most else 'minimum required'} is {json.dumps(bound)}" in reason


@each_limit
@given(some=figures, more=figures)
@many
def test_a_better_figure_is_never_judged_worse(
    judge: Embedded, packaged: PolicySet, limit: Limit, some: float, more: float
) -> None:
    low, high = sorted((some, more))
    worse, better = (high, low) if limit.at_most else (low, high)
    if decide(judge, limit.gate, packaged, **{limit.field: worse}).allow:
        assert decide(judge, limit.gate, packaged, **{limit.field: better}).allow


@each_limit
@given(value=junk)
@many
def test_junk_never_allows_and_is_named_with_the_limit(
    judge: Embedded, packaged: PolicySet, limit: Limit, value: object
) -> None:
    decision = decide(judge, limit.gate, packaged, **{limit.field: value})
    assert decision.domain == limit.gate  # a whole document, never undefined
    assert not decision.allow
    (reason,) = decision.reasons
    assert reason.startswith(f"{limit.named} is ")
    assert json.dumps(THRESHOLDS[limit.threshold]) in reason


@given(value=st.one_of(junk.filter(lambda x: x is not False), st.just(1), st.just(0)))
@many
def test_a_lower_bound_that_is_not_false_never_allows(judge: Embedded, packaged: PolicySet, value: object) -> None:
    decision = decide(judge, "canary", packaged, p99_is_lower_bound=value)
    assert decision.outcome == "deny"
    (reason,) = decision.reasons
    assert "p99_is_lower_bound" in reason


@pytest.mark.parametrize("gate", ["infrastructure", "canary"])
@given(data=st.data())
@many
def test_a_missing_field_never_allows(judge: Embedded, packaged: PolicySet, gate: Gate, data: st.DataObject) -> None:
    needed = {
        "infrastructure": ["disk_free_gb", "cpu_load_1m", "mem_free_percent"],
        "canary": ["error_rate_percent", "p99_latency_ms", "p99_is_lower_bound", "samples"],
    }[gate]
    gone = data.draw(st.sets(st.sampled_from(needed), min_size=1))
    decision = judge.decide(gate, {k: v for k, v in policy.HEALTHY[gate].items() if k not in gone}, packaged)
    assert not decision.allow
    assert len(decision.reasons) == len(gone)
    assert all("missing" in reason for reason in decision.reasons)


@each_limit
@given(bound=whole, value=whole)
@quick
def test_whole_numbers_are_figures_like_any_other(
    judge: Embedded, packaged: PolicySet, limit: Limit, bound: int, value: int
) -> None:
    policies = with_thresholds(packaged, {**THRESHOLDS, limit.threshold: bound})
    decision = decide(judge, limit.gate, policies, **{limit.field: value})
    assert decision.domain == limit.gate
    assert decision.allow is (value <= bound if limit.at_most else value >= bound)


def expected(gate: Gate, facts: Mapping[str, Any], thresholds: Mapping[str, Any]) -> bool:
    """The same rules once more, in Python, over well-formed facts."""

    def holds(limit: Limit) -> bool:
        bound = thresholds.get(limit.threshold)
        if isinstance(bound, bool) or not isinstance(bound, int | float) or bound < 0:
            return False
        return facts[limit.field] <= bound if limit.at_most else facts[limit.field] >= bound

    mine = [limit for limit in LIMITS if limit.gate == gate]
    if gate == "canary":
        return all(map(holds, mine)) and facts["p99_is_lower_bound"] is False
    if "max_cpu_load_per_cpu" in thresholds:
        mine = [limit for limit in mine if limit.threshold != "max_cpu_load"]
        each = thresholds["max_cpu_load_per_cpu"]
        if isinstance(each, bool) or not isinstance(each, int | float) or each < 0:
            return False
        if round(facts["cpu_load_1m"] * 10_000) > round(each * facts["cpu_count"] * 10_000):
            return False
    return all(map(holds, mine))


threshold_values = st.one_of(
    figures, figures, whole, st.integers(0, 500), st.none(), st.text(max_size=3), st.just(-1.0)
)
threshold_sets = st.fixed_dictionaries(
    {}, optional={name: threshold_values for name in (*THRESHOLDS, "max_cpu_load_per_cpu")}
)


@given(
    thresholds=threshold_sets,
    facts=st.fixed_dictionaries(
        {
            "disk_free_gb": st.one_of(figures, whole),
            "cpu_load_1m": st.one_of(figures, whole),
            "cpu_count": st.integers(1, 512),
            "mem_free_percent": st.one_of(figures, whole),
            "error_rate_percent": st.one_of(figures, whole),
            "p99_latency_ms": st.one_of(figures, whole),
            "p99_is_lower_bound": st.booleans(),
            "samples": st.integers(0, 1000),
        }
    ),
)
@settings(max_examples=50, deadline=None)
def test_any_combination_of_thresholds_is_applied(
    judge: Embedded, packaged: PolicySet, thresholds: dict[str, Any], facts: dict[str, Any]
) -> None:
    policies = with_thresholds(packaged, thresholds)
    for gate in ("infrastructure", "canary"):
        decision = judge.decide(gate, facts, policies)  # type: ignore[arg-type]
        assert decision.domain == gate
        assert decision.allow is expected(gate, facts, thresholds)  # type: ignore[arg-type]
        assert bool(decision.reasons) is not decision.allow


@pytest.mark.parametrize("thresholds", [None, 5, "none", [], {}, {"min_samples": True}])
def test_thresholds_that_cannot_be_used_deny_with_their_names(
    judge: Embedded, packaged: PolicySet, thresholds: object
) -> None:
    policies = with_thresholds(packaged, thresholds)
    for limit in LIMITS:
        decision = decide(judge, limit.gate, policies)
        assert not decision.allow
        assert any(f"thresholds.{limit.threshold} in data.json" in reason for reason in decision.reasons)


@pytest.mark.parametrize(
    ("gate", "changed", "reason"),
    [
        ("infrastructure", {"disk_free_gb": 8.2}, "disk_free_gb is 8.2, minimum required is 10.0"),
        ("canary", {"error_rate_percent": 56.45}, "error_rate is 56.45%, maximum allowed is 1.00%"),
        ("canary", {"samples": 3}, "samples is 3, minimum required is 100"),
    ],
)
def test_reasons_read_as_documented(
    judge: Embedded, packaged: PolicySet, gate: Gate, changed: dict[str, Any], reason: str
) -> None:
    assert decide(judge, gate, packaged, **changed).reasons == (reason,)


def test_too_few_samples_are_no_decision_rather_than_a_denial(judge: Embedded, packaged: PolicySet) -> None:
    decision = decide(judge, "canary", packaged, samples=99)
    assert (decision.outcome, decision.evidence) == ("none", "insufficient")


def test_every_shipped_policy_test_passes(judge: Embedded, packaged: PolicySet) -> None:
    results = judge.test(packaged)
    assert len(results) >= 20
    assert [one for one in results if not one.passed] == []


def test_the_shipped_policies_have_no_findings(judge: Embedded, packaged: PolicySet) -> None:
    assert judge.check(packaged) == ()

"""The same files decide alike in OPA and in the embedded judge, texts included."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from odd_inputs import PER_CPU, SHIPPED, asked

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.judges.opa import Opa
from swiftdeploy.model import policy
from swiftdeploy.model.decision import Decision, Gate, PolicySet

ARTICLE = Path(__file__).parent / "article"
AT_ONCE = 20  # questions to one data.json: loading one takes OPA as long as ten decisions


def said(decision: Decision) -> tuple[object, ...]:
    return (
        decision.outcome,
        sorted(decision.reasons),
        decision.domain,
        decision.evidence,
        decision.failure,
        alike(decision.checked),
    )


def alike(value: Any) -> Any:
    """Numbers to 9 digits after the point: judges differ in how they print what merely passes through."""
    if isinstance(value, bool) or not isinstance(value, int | float | dict | list):
        return value
    if isinstance(value, dict):
        return {name: alike(inner) for name, inner in value.items()}
    return [alike(inner) for inner in value] if isinstance(value, list) else round(float(value), 9)


def with_thresholds(policies: PolicySet, thresholds: object) -> PolicySet:
    files = {**policies.files, "data.json": json.dumps({"thresholds": thresholds})}
    return PolicySet(files, policy.digest(files), packaged=False)


def both_judge(number: int, opa: Opa, embedded: Embedded, policies: PolicySet) -> Counter[str]:
    """Ask both at least `number` questions; how often each outcome was. Raises AssertionError with the smallest
    question that they answer differently."""
    outcomes: Counter[str] = Counter()

    @given(both=asked(AT_ONCE))
    @settings(max_examples=math.ceil(number / AT_ONCE), deadline=None, suppress_health_check=list(HealthCheck))
    def alike_for(both: tuple[Any, list[tuple[Gate, dict[str, Any]]]]) -> None:
        thresholds, questions = both
        these = with_thresholds(policies, thresholds)
        for gate, facts in questions:
            decision = opa.decide(gate, facts, these)
            assert decision.judge == "opa"
            assert said(decision) == said(embedded.decide(gate, facts, these)), (gate, facts)
            outcomes[decision.outcome] += 1

    alike_for()
    assert outcomes.total() >= number
    return outcomes


def test_both_judges_say_the_same_of_any_input_on_the_shipped_policies(
    request: pytest.FixtureRequest, one_opa: Any, embedded: Embedded, packaged: PolicySet
) -> None:
    number = request.config.getoption("--parity") * 4 // 5
    outcomes = both_judge(number, Opa(one_opa.port, "deny", embedded, 20.0), embedded, packaged)
    assert min(outcomes[one] for one in ("allow", "deny", "none")) >= number // 20  # no outcome was left out


def test_both_judges_say_the_same_of_any_input_on_the_original_policies(
    request: pytest.FixtureRequest, one_opa: Any, embedded: Embedded, article: PolicySet
) -> None:
    number = math.ceil(request.config.getoption("--parity") / 5)
    outcomes = both_judge(number, Opa(one_opa.port, "deny", embedded, 20.0), embedded, article)
    assert min(outcomes[one] for one in ("allow", "deny", "none")) >= number // 20


@pytest.mark.parametrize(
    "thresholds",
    [
        None,  # had no body on its way to OPA
        5e-05,  # killed the embedded judge, as did each one with an exponent
        {**SHIPPED, "max_error_rate_percent": 0.00005, "min_samples": 1e16},
        {**SHIPPED, "max_p99_latency_ms": 5e-324},
        {**SHIPPED, "max_p99_latency_ms": 1e308},
        {**SHIPPED, "max_p99_latency_ms": -1.7976931348623157e308},
        {**SHIPPED, "max_p99_latency_ms": 2**63 - 1, "min_disk_free_gb": 3.07405087427340685e16},
        {**SHIPPED, "max_p99_latency_ms": 2**63},
        {**SHIPPED, "min_disk_free_gb": 10, "max_error_rate_percent": 1, PER_CPU: 1},
        {**SHIPPED, "max_error_rate_percent": 'a "quoted" \\ line\n', "max_cpu_load": "\ud800 \U0001f600"},
        {"a b/c.d": 1, **SHIPPED},
    ],
)
@pytest.mark.parametrize("which", ["packaged", "article"])
def test_both_judges_hold_the_same_thresholds(
    request: pytest.FixtureRequest, one_opa: Any, embedded: Embedded, which: str, thresholds: object
) -> None:
    policies = with_thresholds(request.getfixturevalue(which), thresholds)
    for gate in policy.HEALTHY:
        for facts in (policy.HEALTHY[gate], {**policy.HEALTHY[gate], "error_rate_percent": 3, "disk_free_gb": 8}):
            opa = Opa(one_opa.port, "deny", embedded, 20.0).decide(gate, facts, policies)
            assert said(opa) == said(embedded.decide(gate, facts, policies))
            assert "crash" not in opa.failure


@pytest.mark.parametrize("per_cpu", [0.1, 0.7, 1, 1.0, 2.5, 0, "two", None, -1])
@pytest.mark.parametrize(("load", "cpus"), [(0.3, 3), (2.1, 3), (160, 64), (160.0001, 64), (1.0, 0), (1.0, None)])
def test_both_judges_say_the_same_of_the_load_per_cpu(
    one_opa: Any, embedded: Embedded, packaged: PolicySet, load: Any, cpus: Any, per_cpu: Any
) -> None:
    policies = with_thresholds(packaged, {**SHIPPED, PER_CPU: per_cpu})
    facts = {**policy.HEALTHY["infrastructure"], "cpu_load_1m": load, "cpu_count": cpus}
    opa = Opa(one_opa.port, "deny", embedded, 20.0).decide("infrastructure", facts, policies)
    assert opa.judge == "opa"
    assert said(opa) == said(embedded.decide("infrastructure", facts, policies))


@pytest.fixture(scope="module")
def article() -> PolicySet:
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(ARTICLE.iterdir())}
    return PolicySet(files, policy.digest(files), packaged=False)


@pytest.fixture(params=["embedded", "opa"])
def judge(request: pytest.FixtureRequest, embedded: Embedded) -> Callable[..., Decision]:
    if request.param == "embedded":
        return embedded.decide
    return Opa(request.getfixturevalue("one_opa").port, "deny", embedded, 20.0).decide


@pytest.mark.parametrize(
    ("gate", "facts", "outcome", "reasons"),
    [
        ("infrastructure", {"disk_free_gb": 40.5, "cpu_load_1m": 0.5, "mem_free_percent": 50.5}, "allow", ()),
        (
            "infrastructure",
            {"disk_free_gb": 8, "cpu_load_1m": 0, "mem_free_percent": 50},  # whole numbers, as a scenario writes them
            "deny",
            ("disk_free_gb is 8.0, minimum required is 10.0",),
        ),
        (
            "infrastructure",
            {"disk_free_gb": 8.2, "cpu_load_1m": 0.5, "mem_free_percent": 50.5},
            "deny",
            ("disk_free_gb is 8.2, minimum required is 10.0",),
        ),
        ("canary", {"error_rate_percent": 0.5, "p99_latency_ms": 100.5, "window_seconds": 30}, "allow", ()),
        (
            "canary",
            {"error_rate_percent": 56.45, "p99_latency_ms": 100.5, "window_seconds": 30},
            "deny",
            ("error_rate is 56.45%, maximum allowed is 1.00%",),
        ),
        (
            "canary",
            {"error_rate_percent": 0.5, "p99_latency_ms": 900.5, "window_seconds": 30},
            "deny",
            ("policy gave no reason",),
        ),
    ],
)
def test_the_original_policies_decide_unchanged(
    judge: Callable[..., Decision],
    article: PolicySet,
    gate: Gate,
    facts: dict[str, Any],
    outcome: str,
    reasons: tuple[str, ...],
) -> None:
    decision = judge(gate, facts, article)
    assert (decision.outcome, decision.reasons, decision.domain) == (outcome, reasons, gate)
    assert decision.evidence is None


@pytest.mark.parametrize("value", [None, "NaN", math.nan, 2**70, True, [0.5], {}])
@pytest.mark.parametrize("field", ["error_rate_percent", "p99_latency_ms"])
def test_the_original_policies_never_allow_a_figure_that_is_none(
    judge: Callable[..., Decision], article: PolicySet, field: str, value: Any
) -> None:
    facts = {"error_rate_percent": 0.5, "p99_latency_ms": 100.5, "window_seconds": 30, field: value}
    decision = judge("canary", facts, article)  # null <= 1.0 is true in OPA, "NaN" <= 1.0 in regopy
    assert (decision.outcome, decision.reasons) == ("none", ())
    assert decision.failure.startswith(f"package swiftdeploy.canary: {field} is not a number")


@pytest.mark.parametrize("value", [None, "two", True, [], {}])
def test_the_original_policies_never_allow_a_limit_that_is_none(
    judge: Callable[..., Decision], article: PolicySet, value: Any
) -> None:
    facts = {"error_rate_percent": 0.5, "p99_latency_ms": 100.5, "window_seconds": 30}
    decision = judge("canary", facts, with_thresholds(article, {**SHIPPED, "max_p99_latency_ms": value}))
    assert decision.outcome == "none"
    assert "thresholds.max_p99_latency_ms in data.json is not a number" in decision.failure


def test_the_original_policies_have_no_findings(embedded: Embedded, article: PolicySet) -> None:
    assert embedded.check(article) == ()

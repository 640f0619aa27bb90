"""The same files decide alike in OPA and in the embedded judge, texts included."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.judges.opa import Opa
from swiftdeploy.model import policy
from swiftdeploy.model.decision import Decision, Gate, PolicySet

ARTICLE = Path(__file__).parent / "article"
FIELDS: dict[Gate, tuple[str, ...]] = {
    "infrastructure": ("disk_free_gb", "cpu_load_1m", "cpu_count", "mem_free_percent"),
    "canary": ("error_rate_percent", "p99_latency_ms", "p99_is_lower_bound", "samples", "window_seconds"),
}
values = st.one_of(
    st.floats(0, 1000),
    st.floats(),
    st.integers(0, 1000),
    st.integers(0, 12),
    st.integers(),
    st.booleans(),
    st.none(),
    st.text(max_size=8),
    st.sampled_from([0.1, 0.3, 1.0, 1.005, 2.675, 8.2, 99.99995, 500, 1e14, 0.00005, "é'\"\\\n", math.nan]),
    st.lists(st.floats(), max_size=2),
)
inputs = st.sampled_from(["infrastructure", "canary"]).flatmap(
    lambda gate: st.tuples(
        st.just(gate), st.fixed_dictionaries({}, optional={name: values for name in (*FIELDS[gate], 'odd "name')})
    )
)


def said(decision: Decision) -> tuple[object, ...]:
    return (decision.outcome, sorted(decision.reasons), decision.domain, decision.evidence, alike(decision.checked))


def alike(value: Any) -> Any:
    """Numbers to 9 digits after the point: judges differ in how they print what merely passes through."""
    if isinstance(value, bool) or not isinstance(value, int | float | dict | list):
        return value
    if isinstance(value, dict):
        return {name: alike(inner) for name, inner in value.items()}
    return [alike(inner) for inner in value] if isinstance(value, list) else round(float(value), 9)


@given(asked=inputs)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_judges_say_the_same_of_any_input(
    opa_server: Any, embedded: Embedded, packaged: PolicySet, asked: tuple[Gate, dict[str, Any]]
) -> None:
    gate, facts = asked
    opa = Opa(opa_server.port, "deny", embedded, 20.0)
    decision = opa.decide(gate, facts, packaged)
    assert decision.judge == "opa"
    assert said(decision) == said(embedded.decide(gate, facts, packaged))


@pytest.mark.parametrize("per_cpu", [0.1, 0.7, 1, 1.0, 2.5, 0, "two", None, -1])
@pytest.mark.parametrize(("load", "cpus"), [(0.3, 3), (2.1, 3), (160, 64), (160.0001, 64), (1.0, 0), (1.0, None)])
def test_both_judges_say_the_same_of_the_load_per_cpu(
    opa_server: Any, embedded: Embedded, packaged: PolicySet, load: Any, cpus: Any, per_cpu: Any
) -> None:
    thresholds = {**json.loads(packaged.files["data.json"])["thresholds"], "max_cpu_load_per_cpu": per_cpu}
    files = {**packaged.files, "data.json": json.dumps({"thresholds": thresholds})}
    policies = PolicySet(files, policy.digest(files), packaged=False)
    facts = {**policy.HEALTHY["infrastructure"], "cpu_load_1m": load, "cpu_count": cpus}
    opa = Opa(opa_server.port, "deny", embedded, 20.0).decide("infrastructure", facts, policies)
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
    return Opa(request.getfixturevalue("opa_server").port, "deny", embedded, 20.0).decide


@pytest.mark.parametrize(
    ("gate", "facts", "outcome", "reasons"),
    [
        ("infrastructure", {"disk_free_gb": 40.5, "cpu_load_1m": 0.5, "mem_free_percent": 50.5}, "allow", ()),
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


def test_the_original_policies_have_no_findings(embedded: Embedded, article: PolicySet) -> None:
    assert embedded.check(article) == ()

"""No policy that allows the worst or the empty input comes into force, whoever judges; the old ones stay."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import Bench
from policy_sets import VACUOUS, Vacuous

from swiftdeploy.flow import proof
from swiftdeploy.flow.world import Judge, World
from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.judges.opa import Opa
from swiftdeploy.model import policy
from swiftdeploy.model.decision import GATES, PolicySet
from swiftdeploy.model.event import Decided

ARTICLE = Path(__file__).parent / "article"
ROOT = Path(__file__).parents[2]
each_set = pytest.mark.parametrize("one", VACUOUS, ids=lambda one: one.name)


class Counting:
    """A judge that counts what it is asked."""

    def __init__(self, judge: Judge) -> None:
        self.judge, self.asked = judge, 0

    def decide(self, *args: Any) -> Any:
        self.asked += 1
        return self.judge.decide(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.judge, name)


@pytest.fixture(params=["embedded", "opa"])
def judge(request: pytest.FixtureRequest, embedded: Embedded) -> Judge:
    if request.param == "embedded":
        return embedded
    return Opa(request.getfixturevalue("one_opa").port, "deny", embedded, 20.0)


@pytest.fixture
def project(tmp_path: Path, judge: Judge, packaged: PolicySet) -> World:
    """A project with the shipped policies as its own."""
    world = replace(Bench(tmp_path).world(), judge=Counting(judge))
    write(world, dict(packaged.files))
    return world


def write(world: World, files: dict[str, str]) -> None:
    for name, text in files.items():
        world.files.write(f"policies/{name}", text)


def healthy(world: World) -> Any:
    return proof.decide("canary", proof.asked(policy.HEALTHY["canary"], "promote", "canary", world), world)


@each_set
def test_a_set_that_gates_nothing_never_comes_into_force(project: World, one: Vacuous) -> None:
    assert healthy(project).allow
    before = project.judge.in_force()
    write(project, one.files)
    decision = healthy(project)
    assert (decision.outcome, decision.blame, decision.proven) == ("none", "policy", False)
    assert [part for part in one.says if part not in decision.failure] == []
    assert project.judge.in_force() == before


def test_policies_prove_themselves_once(project: World) -> None:
    first = healthy(project)
    assert first.allow
    assert first.proven
    assert project.judge.asked == 1 + 2 * len(GATES)  # type: ignore[attr-defined]
    project.journal.append(Decided("promote", first))
    assert healthy(project).proven
    assert project.judge.asked == 2 + 2 * len(GATES)  # type: ignore[attr-defined]


def test_edited_policies_prove_themselves_again(project: World, packaged: PolicySet) -> None:
    project.journal.append(Decided("promote", healthy(project)))
    write(project, {"data.json": packaged.files["data.json"].replace("500.0", "400.0")})
    asked = project.judge.asked  # type: ignore[attr-defined]
    assert healthy(project).proven
    assert project.judge.asked == asked + 1 + 2 * len(GATES)  # type: ignore[attr-defined]


def test_an_overridden_set_has_proven_nothing(project: World) -> None:
    write(project, VACUOUS[0].files)
    overridden = replace(healthy(project), override="we know better")
    project.journal.append(Decided("promote", overridden))
    assert healthy(project).outcome == "none"


def test_limits_beyond_all_measure_gate_nothing(project: World) -> None:
    """A set may read all the right names and yet allow anything."""
    text = '{"thresholds": {"max_error_rate_percent": 100, "max_p99_latency_ms": 999999999, "min_samples": 1}}'
    rules = """package swiftdeploy.canary

import rego.v1

default allow := false

allow if {
	input.error_rate_percent <= data.thresholds.max_error_rate_percent
	input.p99_latency_ms <= data.thresholds.max_p99_latency_ms
	input.samples >= data.thresholds.min_samples
}

decision := {"allow": allow, "reasons": [], "domain": "canary", "checked": {}}
"""
    write(project, {"canary.rego": rules, "infrastructure.rego": VACUOUS[0].infrastructure, "data.json": text})
    assert "allows the worst input" in healthy(project).failure


def test_the_original_policies_prove_themselves(project: World) -> None:
    for name in ("limits.rego", "canary_test.rego", "infrastructure_test.rego"):
        project.files.remove(f"policies/{name}")
    write(project, {path.name: path.read_text(encoding="utf-8") for path in ARTICLE.iterdir()})
    assert healthy(project).proven


def test_opa_goes_on_with_what_it_held(tmp_path: Path, one_opa: Any, embedded: Embedded, packaged: PolicySet) -> None:
    """The next command, and whoever asks OPA directly, meets the former policies with their data."""
    judge = Opa(one_opa.port, "deny", embedded, 20.0)
    world = replace(Bench(tmp_path).world(), judge=judge)
    write(world, dict(packaged.files))
    assert healthy(world).allow
    write(world, {**VACUOUS[0].files, "data.json": packaged.files["data.json"].replace("500.0", "300.0")})
    assert healthy(world).outcome == "none"
    server = Opa(one_opa.port, "deny", embedded, 20.0, reads_only=True)
    slow = {**policy.HEALTHY["canary"], "p99_latency_ms": 400.0}
    former = world.files.policies()
    former = replace(former, files=dict(packaged.files), digest=policy.digest(packaged.files))
    assert server.decide("canary", slow, former).allow
    assert server.decide("canary", {**slow, "p99_latency_ms": 600.0}, former).outcome == "deny"


def test_the_proof_of_a_new_set_is_quick(embedded: Embedded, tmp_path: Path, packaged: PolicySet) -> None:
    """Not how long it takes, which depends on the machine, but that it is two questions a gate."""
    world = replace(Bench(tmp_path).world(), judge=Counting(embedded))
    write(world, dict(packaged.files))
    begun = time.perf_counter()
    assert proof.flaw_of(world.files.policies(), world) == ""
    assert world.judge.asked == 4  # type: ignore[attr-defined]
    print(f"proof of a new set: {(time.perf_counter() - begun) * 1000:.1f} ms")  # noqa: T201


def test_a_judge_that_is_gone_proves_nothing(tmp_path: Path, embedded: Embedded, packaged: PolicySet) -> None:
    class Mute(Counting):
        def decide(self, *args: Any) -> Any:
            decision = super().decide(*args)
            worst = args[1].get("error_rate_percent") == 100.0
            return replace(decision, outcome="none", failure="it is gone", evidence=None) if worst else decision

    world = replace(Bench(tmp_path).world(), judge=Mute(embedded))
    write(world, dict(packaged.files))
    decision = healthy(world)
    assert decision.outcome == "none"
    assert decision.failure == "the policies could not prove themselves: asked about the worst input, it is gone"


def test_the_documented_conftest_policy_comes_into_force(project: World) -> None:
    text = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    rules = text[text.index("```rego\npackage main") + len("```rego\n") :].partition("```")[0]
    write(project, {"canary.rego": rules.replace("package main", "package swiftdeploy.canary")})
    decision = healthy(project)
    assert (decision.outcome, decision.proven, decision.warnings) == ("allow", True, ())


def test_what_does_not_compile_is_told_before_anything_is_measured(project: World) -> None:
    write(project, {"canary.rego": "package swiftdeploy.canary\n\nallow if {\n"})
    told = proof.foregone("canary", project)
    assert told is not None
    assert (told.outcome, told.blame, dict(told.input)) == ("none", "policy", {})
    assert "canary.rego:" in told.failure


def test_policies_that_can_decide_leave_nothing_foregone(project: World) -> None:
    assert proof.foregone("canary", project) is None
    write(project, {one.name: one.read_text() for one in ARTICLE.glob("*.rego")})
    assert proof.foregone("canary", project) is None

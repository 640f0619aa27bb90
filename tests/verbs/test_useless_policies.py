"""Policies that can say nothing are told of at once: nobody waits for a window first."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from fakes import Bench, FakeJudge

from swiftdeploy.edge.bundled import folder
from swiftdeploy.flow import measure
from swiftdeploy.model import errors
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet
from swiftdeploy.verbs.deploy import deploy
from swiftdeploy.verbs.promote import promote


class Yes(FakeJudge):
    """Allows whatever it is asked, the worst input too."""

    def decide(self, gate: Gate, facts: Mapping[str, Json], policies: PolicySet) -> Decision:
        return Decision(gate, "allow", (), facts, "fake", policies.digest)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_measures(*_: object) -> None:
        raise AssertionError("measured although no policy could use it")

    monkeypatch.setattr(measure, "judged", nobody_measures)


@pytest.mark.usefixtures("unmeasured")
def test_a_set_that_gates_nothing_is_refused_before_anything_is_measured(bench: Bench) -> None:
    bench.judge = Yes()
    deploy(bench.world(), override="it is mended tomorrow")
    with pytest.raises(errors.NoDecision, match="allows the worst input"):
        promote("canary", None, bench.world())
    assert bench.engine.stopped == ["canary-2"]


@pytest.mark.usefixtures("unmeasured")
def test_a_threshold_that_is_no_number_is_told_before_anything_is_measured(bench: Bench) -> None:
    deploy(bench.world())
    policies = bench.root / "policies"
    policies.mkdir()
    for one in folder("policies").iterdir():
        text = one.read_text(encoding="utf-8")
        (policies / one.name).write_text(text.replace('"min_samples": 100', '"min_samples": "many"'))
    with pytest.raises(errors.NoDecision, match=r"thresholds\.min_samples"):
        promote("canary", None, bench.world())

"""doctor asks the tools, the engine, the host and the judge, and a broken one does not hide the others."""

from __future__ import annotations

from pathlib import Path

from fakes import Bench

from swiftdeploy.model import errors
from swiftdeploy.model.decision import PolicySet
from swiftdeploy.model.errors import Finding
from swiftdeploy.verbs.doctor import doctor


def test_the_engine_is_asked_what_it_needs(tmp_path: Path) -> None:
    found = {one.name: one.outcome for one in doctor(Bench(tmp_path).world())}
    assert found == {"engine": "pass", "host facts": "pass", "policies": "pass"}


def test_a_broken_judge_is_one_line_of_the_list(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def check(policies: PolicySet) -> tuple[Finding, ...]:
        raise errors.NoDecision("the embedded judge does not start")

    bench.rego.check = check  # type: ignore[method-assign]
    last = doctor(bench.world())[-1]
    assert (last.name, last.outcome, last.detail) == ("policies", "fail", "the embedded judge does not start")

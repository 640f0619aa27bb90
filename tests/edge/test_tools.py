"""What of this machine no engine owns: packages are looked for, not their metadata; few of them are needed."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from swiftdeploy.edge import tools
from swiftdeploy.model.check import Outcome


def outcomes() -> dict[str, Outcome]:
    return {one.name: one.outcome for one in tools.Tools().inventory()}


def test_a_whole_installation_lacks_nothing() -> None:
    assert {"fail", "warning"}.isdisjoint(outcomes().values())


@pytest.mark.parametrize("name", tools.EXTRAS)
def test_what_a_stack_runs_without_is_a_warning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    gone = tools.MODULES.get(name, name)
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda one: None if one == gone else real(one))
    assert outcomes()[name] == "warning"


def test_an_embedded_judge_that_cannot_be_loaded_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "regopy", None)
    assert outcomes()["regopy"] == "fail"

"""A project in pytester's folder, whose app is the sample app."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

# pytester forgets what a run imports, and each run would import it again
import swiftdeploy.pytest_plugin.header
import swiftdeploy.pytest_plugin.play  # noqa: F401

QUICK = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")  # hypothesis takes 0.6 s to say that it has nothing

ROOT = Path(__file__).parents[2]


class Stage:
    """Hands on one project and on pytest runs in it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.root = pytester.path
        (self.root / "scenarios").mkdir()
        shutil.copy(ROOT / "manifest.yaml", self.root)
        (self.root / "app").mkdir()
        for name in ("main.py", "Dockerfile"):
            shutil.copy(ROOT / "app" / name, self.root / "app")

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def collect(self, *args: str) -> pytest.RunResult:
        """In this process, for runs that start no stack."""
        return self.pytester.runpytest_inprocess(*QUICK, *args)

    def run(self, *args: str) -> pytest.RunResult:
        """In a process of its own, as users do: a stack's modules must not be there twice."""
        return self.pytester.runpytest_subprocess(*QUICK, *args)

    def results(self, folder: str = ".swiftdeploy/report") -> list[dict]:
        return json.loads((self.root / folder / "results.json").read_text())["scenarios"]


@pytest.fixture
def stage(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Stage:
    for name in ("SWIFTDEPLOY_ENGINE", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return Stage(pytester)

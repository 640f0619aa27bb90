"""Every shipped scenario tells the same story on both engines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

Story = dict[str, Any]


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Story]]:
    """Engine to scenario to what its report keeps of it."""
    folder = tmp_path_factory.mktemp("reports")
    return {engine: played(engine, folder / engine) for engine in ("docker", "local")}


def played(engine: str, report: Path) -> dict[str, Story]:
    argv = (
        sys.executable, "-m", "pytest", "scenarios/", "-q", "-p", "no:cacheprovider",
        "--swiftdeploy-engine", engine, "--swiftdeploy-report", str(report),
    )  # fmt: skip
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout
    return told((report / "results.json").read_text())


def told(results: str) -> dict[str, Story]:
    return {one["id"]: one for one in json.loads(results)["scenarios"]}


def verdicts(story: Story) -> list[tuple[str, str, str]]:
    """Verb, place and result of each step."""
    return [(one["verb"], one["place"], one["result"]) for one in story["steps"]]


def decisions(story: Story) -> list[tuple[str, ...]]:
    """Gate, outcome and reasons without their figures. What policy says of this machine's real facts is chance."""
    found = (one for one in story["journal"] if one["event"] == "decision")
    return [
        (one["gate"], one["verb"])
        if one["input"].get("simulated") is False
        else (one["gate"], one["verb"], one["outcome"], *(re.sub(r"\d+(\.\d+)?", "#", why) for why in one["reasons"]))
        for one in found
    ]


def events(story: Story) -> list[str]:
    return [one["event"] for one in story["journal"]]


def test_every_scenario_is_played_on_the_engine_it_was_asked_for(stories: dict[str, dict[str, Story]]) -> None:
    assert stories["docker"].keys() == stories["local"].keys()
    assert len(stories["docker"]) >= 6
    for engine, played in stories.items():
        assert {one["engine"] for one in played.values()} == {engine}


@pytest.mark.parametrize("what", [verdicts, decisions, events])
def test_both_engines_give_the_same(stories: dict[str, dict[str, Story]], what: Any) -> None:
    docker, local = ({name: what(one) for name, one in stories[engine].items()} for engine in ("docker", "local"))
    assert docker == local
    assert all(docker.values())

"""What is kept of one played scenario, and how it travels from an xdist worker to the controller: as plain data."""

from __future__ import annotations

from typing import Any

import pytest

from swiftdeploy.pytest_plugin.item import ScenarioItem
from swiftdeploy.scenario.scene import JOURNAL, Scene
from swiftdeploy.scenario.step import StepResult

Kept = dict[str, Any]  # JSON only: execnet carries nothing else
CARRIED = "swiftdeploy"  # an extra attribute of the last report: pytest sends those from worker to controller
KEPT: pytest.StashKey[Kept] = pytest.StashKey()


def of(item: ScenarioItem) -> Kept:
    """The record of this item, begun at first use."""
    scenario = item.scenario
    return item.stash.setdefault(
        KEPT,
        {
            "id": scenario.id,
            "nodeid": item.nodeid,
            "scenario": scenario.name,
            "about": scenario.about,
            "row": dict(scenario.row),
            "tags": list(scenario.tags),
            "engine": "",
            "outcome": "passed",
            "seconds": 0.0,
            "failure": "",
            "steps": [],
            "journal": "",
        },
    )


def keep_engine(item: ScenarioItem, scene: Scene) -> None:
    of(item)["engine"] = scene.stack.engine
    item.user_properties.append(("swiftdeploy.engine", scene.stack.engine))


def keep_step(item: ScenarioItem, result: StepResult) -> None:
    of(item)["steps"].append(
        {
            "verb": result.step.verb,
            "number": result.step.number,
            "always": result.step.always,
            "name": result.step.name,
            "place": result.step.place,
            "result": result.result,
            "seconds": result.seconds,
            "expected": result.expected if result.result == "failed" else "",
            "got": result.got if result.result != "passed" else "",
        }
    )


def keep_failure(item: ScenarioItem, text: str) -> None:
    of(item)["failure"] = text


def keep_journal(item: ScenarioItem, scene: Scene) -> None:
    """The journal's text, before the copy of the project is removed."""
    kept = of(item)
    if scene.world.files.exists(JOURNAL):
        kept["journal"] = scene.world.files.read(JOURNAL)


def attach(item: ScenarioItem, report: pytest.TestReport) -> None:
    """Outcome and time of each phase; the report of the last phase carries all that was kept."""
    kept = of(item)
    kept["seconds"] = round(kept["seconds"] + report.duration, 3)
    if report.outcome != "passed" and kept["outcome"] == "passed":
        kept["outcome"] = report.outcome if report.when == "call" or report.outcome == "skipped" else "error"
        kept["failure"] = kept["failure"] or report.longreprtext
    if report.when == "teardown":
        vars(report)[CARRIED] = kept

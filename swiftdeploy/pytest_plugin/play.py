"""The test function of every scenario, and how a failed step is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from swiftdeploy.model.decision import Json
from swiftdeploy.pytest_plugin import record
from swiftdeploy.pytest_plugin.item import ScenarioItem
from swiftdeploy.scenario.play import play
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import StepResult

EVENTS_SHOWN = 8
LOG_LINES_SHOWN = 15
LONGEST_VALUE = 160
NOT_SHOWN = {"seq", "timestamp", "event", "run", "actor", "prev", "hash", "state", "manifest_digest", "image_digest",
             "policy_digest", "checked", "packaged", "input"}  # fmt: skip


def play_scenario(request: pytest.FixtureRequest, swiftdeploy_scene: Scene) -> None:
    """Plays the item's scenario; fails with the place, one sentence and the evidence."""
    item = request.node
    assert isinstance(item, ScenarioItem)
    failed: list[StepResult] = []
    evidence = ""
    for result in play(item.scenario, swiftdeploy_scene):
        record.keep_step(item, result)
        if result.result == "failed":
            failed.append(result)
            # now, before `always` steps change what there is to see
            evidence = evidence or "\n".join(_evidence(result, swiftdeploy_scene))
    if failed:
        text = "\n".join((*(one.sentence for one in failed), evidence))
        record.keep_failure(item, text)
        pytest.fail(text, pytrace=False)


def _evidence(result: StepResult, scene: Scene) -> Iterator[str]:
    lines = scene.lines()
    if lines:
        yield f"last {min(EVENTS_SHOWN, len(lines))} of {len(lines)} journal events:"
        yield from (f"  {event_line(line)}" for line in lines[-EVENTS_SHOWN:])
    guilty = result.guilty
    if guilty:
        tail = scene.world.engine.log_tail(guilty, LOG_LINES_SHOWN)
        yield f"end of the log of {guilty}:" if tail else f"{guilty} has written no log"
        yield from (f"  {line}" for line in tail)


def event_line(line: Mapping[str, Json]) -> str:
    """One journal event on one line: time, name, and the fields a reader wants."""
    fields = {
        key: value for key, value in line.items() if key not in NOT_SHOWN and value not in ("", None, [], {}, False)
    }
    said = ", ".join(f"{key} {_short(value)}" for key, value in fields.items())
    return f"{str(line.get('timestamp', ''))[11:]} {line.get('event')}" + (f": {said}" if said else "")


def _short(value: Json) -> str:
    if isinstance(value, list):
        value = "; ".join(str(one) for one in value)
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."

"""`assert`: what must be true of the running stack, polled until `within`."""

from __future__ import annotations

from swiftdeploy.scenario.conditions import HOLD_SECONDS, Condition, poll
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import Kind, Outcome


def run(asked: Condition, expect: None, scene: Scene) -> Outcome:
    within = HOLD_SECONDS if asked.within is None else asked.within
    seen = poll(asked, scene, within)
    if seen.missing is None:
        return Outcome(True, data=seen.data)
    expected = seen.missing.expected + ("" if seen.missing.final else f" within {within:g} s")
    return Outcome(False, expected, seen.missing.got, seen.data, seen.missing.guilty)


STEP = Kind(fields=Condition, run=run)

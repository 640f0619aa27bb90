"""`assert`: what must be true of the running stack, polled until `within`."""

from __future__ import annotations

from swiftdeploy.scenario.conditions import HOLD_SECONDS, Condition, hold
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import Kind, Outcome


def run(asked: Condition, expect: None, scene: Scene) -> Outcome:
    return hold(asked, scene, HOLD_SECONDS if asked.within is None else asked.within)


STEP = Kind(fields=Condition, run=run)

"""`rollback`: leave the canary, or go back to the release before."""

from __future__ import annotations

from pydantic import BaseModel

from swiftdeploy.scenario.fields import STRICT
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.ship import CommandExpect, shipped
from swiftdeploy.scenario.step import Kind, Outcome
from swiftdeploy.verbs.rollback import rollback


class Rollback(BaseModel):
    model_config = STRICT


def run(asked: Rollback, expect: CommandExpect | None, scene: Scene) -> Outcome:
    return shipped(lambda: rollback(scene.world), expect, scene)


STEP = Kind(fields=Rollback, expect=CommandExpect, run=run, changes=True)

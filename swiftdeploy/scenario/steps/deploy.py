"""`deploy`: run the manifest's release."""

from __future__ import annotations

from pydantic import BaseModel

from swiftdeploy.scenario.fields import STRICT
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.ship import CommandExpect, shipped
from swiftdeploy.scenario.step import Kind, Outcome
from swiftdeploy.verbs.deploy import deploy


class Deploy(BaseModel):
    model_config = STRICT
    override: str = ""


def run(asked: Deploy, expect: CommandExpect | None, scene: Scene) -> Outcome:
    return shipped(lambda: deploy(scene.world, asked.override), expect, scene)


STEP = Kind(fields=Deploy, expect=CommandExpect, run=run, changes=True)

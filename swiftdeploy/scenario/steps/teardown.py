"""`teardown`: stop everything of the copied project."""

from __future__ import annotations

from pydantic import BaseModel

from swiftdeploy.scenario.fields import STRICT
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.ship import CommandExpect, shipped
from swiftdeploy.scenario.step import Kind, Outcome
from swiftdeploy.verbs.teardown import teardown


class Teardown(BaseModel):
    model_config = STRICT
    clean: bool = False


def run(asked: Teardown, expect: CommandExpect | None, scene: Scene) -> Outcome:
    return shipped(lambda: teardown(scene.world, asked.clean), expect, scene)


STEP = Kind(fields=Teardown, expect=CommandExpect, run=run, changes=True)

"""`promote`: give a track the traffic."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from swiftdeploy.model.state import Track
from swiftdeploy.scenario.fields import STRICT
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.ship import CommandExpect, shipped
from swiftdeploy.scenario.step import Kind, Outcome
from swiftdeploy.verbs.promote import promote


class Promote(BaseModel):
    model_config = STRICT
    to: Track
    weight: Annotated[int, Field(ge=1, le=100)] | None = None
    override: str = ""


def run(asked: Promote, expect: CommandExpect | None, scene: Scene) -> Outcome:
    return shipped(lambda: promote(asked.to, asked.weight, scene.world, asked.override), expect, scene)


STEP = Kind(fields=Promote, expect=CommandExpect, run=run, lone="to", changes=True)

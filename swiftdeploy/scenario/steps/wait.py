"""`wait`: for a time, or until a condition of `assert` holds."""

from __future__ import annotations

from pydantic import BaseModel, Field, model_validator

from swiftdeploy.scenario.conditions import Condition, hold
from swiftdeploy.scenario.fields import STRICT, Seconds
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import Kind, Outcome

LONGEST_SECONDS = 60.0


class Wait(BaseModel):
    model_config = STRICT
    for_: Seconds | None = Field(default=None, alias="for")
    until: Condition | None = None

    @model_validator(mode="after")
    def _knows_its_end(self) -> Wait:
        if (self.for_ is None) == (self.until is None):
            raise ValueError("give either a time or `until: CONDITION`")
        return self


def run(asked: Wait, expect: None, scene: Scene) -> Outcome:
    if asked.until is None:
        scene.world.clock.sleep(asked.for_ or 0.0)
        return Outcome(True)
    return hold(asked.until, scene, LONGEST_SECONDS if asked.until.within is None else asked.until.within)


STEP = Kind(fields=Wait, run=run, lone="for")

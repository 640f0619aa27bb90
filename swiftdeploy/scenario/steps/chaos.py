"""`chaos`: hurt a track or the judge, or take it back."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator, model_validator

from swiftdeploy import chaos as faults
from swiftdeploy.chaos import Target
from swiftdeploy.model import errors, nearest, scalars
from swiftdeploy.model.decision import Json
from swiftdeploy.scenario.fields import STRICT, Seconds
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.ship import CommandExpect, shipped
from swiftdeploy.scenario.step import Kind, Outcome
from swiftdeploy.verbs.chaos import chaos, check


class Chaos(BaseModel):
    """`rate` counts for `error` and `duration` for `slow`: both may be given, so that one step serves a matrix."""

    model_config = STRICT
    on: Target
    fault: str
    rate: Annotated[float, Field(ge=0, le=1)] | None = None
    duration: Seconds | None = None
    ttl: Seconds | None = None

    @field_validator("fault")
    @classmethod
    def _exists(cls, value: str) -> str:
        if value not in faults.names():
            hint = nearest.hint(value, faults.names())
            raise scalars.Wrong(f"there is no fault {value!r}; faults are {', '.join(faults.names())}", hint)
        return value

    @model_validator(mode="after")
    def _fits(self) -> Chaos:
        try:
            check(self.fault, self.options(), self.on)
        except errors.Unreadable as error:
            raise ValueError(f"{error.what}; {error.next_step}") from None
        return self

    def options(self) -> dict[str, Json]:
        given: dict[str, Any] = {"rate": self.rate, "duration": self.duration, "ttl": self.ttl}
        other = {"error": "duration", "slow": "rate"}.get(self.fault)
        return {name: value for name, value in given.items() if value is not None and name != other}


def run(asked: Chaos, expect: CommandExpect | None, scene: Scene) -> Outcome:
    outcome = shipped(lambda: chaos(scene.world, asked.fault, asked.options(), asked.on), expect, scene)
    if asked.on != "judge":
        scene.hurt(asked.on)
    return outcome


STEP = Kind(fields=Chaos, expect=CommandExpect, run=run, changes=True)

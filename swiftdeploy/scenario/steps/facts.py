"""`facts`: what the infrastructure gate sees of the host from here on; `real` measures this machine."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, field_validator

from swiftdeploy.scenario.fields import STRICT
from swiftdeploy.scenario.hostfacts import checked
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import Kind, Outcome


class Facts(BaseModel):
    model_config = STRICT
    values: Any

    @field_validator("values")
    @classmethod
    def _are_facts(cls, value: Any) -> Any:
        return checked(value)


def run(asked: Facts, expect: None, scene: Scene) -> Outcome:
    scene.host.use(asked.values)
    return Outcome(True, data=dict(scene.host.facts()))


STEP = Kind(fields=Facts, run=run, whole="values")

"""`load`: users who ask the service again and again, for a time or in the background until the scenario ends."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from swiftdeploy.model import errors
from swiftdeploy.model.decision import Json
from swiftdeploy.scenario.fields import STRICT, Name, Seconds, UrlPath
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import Kind, Outcome


class Load(BaseModel):
    model_config = STRICT
    id: Name = "load"
    rps: Annotated[float, Field(gt=0, le=2000)]
    path: UrlPath = "/"
    connections: Annotated[int, Field(ge=1, le=512)] | None = None
    keepalive: bool = True
    for_: Seconds | None = Field(default=None, alias="for")
    background: bool = False

    @model_validator(mode="after")
    def _ends_or_not(self) -> Load:
        if (self.for_ is not None) == self.background:
            raise ValueError("give either `for: TIME` or `background: true`")
        return self


def run(asked: Load, expect: None, scene: Scene) -> Outcome:
    """In the foreground it returns when its time is over; in the background at once."""
    if asked.id in scene.loads:
        raise errors.Unreadable(f"a load with the id {asked.id!r} was started before", "give this one its own `id`")
    running = scene.effects.loads.start(scene.stack.url, asked.path, asked.rps, asked.connections, asked.keepalive)
    scene.loads[asked.id] = running
    if asked.background:
        return Outcome(True, data={"id": asked.id})
    assert asked.for_ is not None
    try:
        scene.world.clock.sleep(asked.for_)
    finally:
        report = running.stop()
    data: Json = {"id": asked.id, "answers": len(report.answers), "dropped": sum(report.dropped().values())}
    return Outcome(True, data=data)


STEP = Kind(fields=Load, run=run)

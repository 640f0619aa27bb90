"""garbage: the judge answers what is no decision."""

from __future__ import annotations

from collections.abc import Mapping

from swiftdeploy.flow.world import World
from swiftdeploy.model.decision import Json
from swiftdeploy.model.state import State

ABOUT = "make the judge answer what is no decision"
TARGETS = ("judge",)
OPTIONS: Mapping[str, tuple[float, float]] = {}


def inject(target: str, options: Mapping[str, Json], state: State, world: World) -> None:
    world.judge.hurt("garbage")

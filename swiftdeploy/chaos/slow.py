"""slow: the app answers late."""

from __future__ import annotations

from collections.abc import Mapping

from swiftdeploy.flow import injecting
from swiftdeploy.flow.world import World
from swiftdeploy.model.decision import Json
from swiftdeploy.model.state import State, Track

ABOUT = "answer late (duration 0 to 30 s)"
TARGETS = ("stable", "canary")
OPTIONS = {"duration": (0.0, 30.0), "ttl": (0.0, 86400.0)}


def inject(target: Track, options: Mapping[str, Json], state: State, world: World) -> None:
    injecting.post(target, {"mode": "slow", **options}, state, world)

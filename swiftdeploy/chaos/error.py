"""error: the app answers 500 for a share of its users' requests."""

from __future__ import annotations

from collections.abc import Mapping

from swiftdeploy.flow import injecting
from swiftdeploy.flow.world import World
from swiftdeploy.model.decision import Json
from swiftdeploy.model.state import State, Track

ABOUT = "answer 500 for a share of requests (rate 0 to 1)"
TARGETS = ("stable", "canary")
OPTIONS = {"rate": (0.0, 1.0), "ttl": (0.0, 86400.0)}


def inject(target: Track, options: Mapping[str, Json], state: State, world: World) -> None:
    injecting.post(target, {"mode": "error", **options}, state, world)

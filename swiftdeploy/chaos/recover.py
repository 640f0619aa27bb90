"""recover: all faults are taken back."""

from __future__ import annotations

from collections.abc import Mapping

from swiftdeploy.flow import injecting
from swiftdeploy.flow.world import World
from swiftdeploy.model.decision import Json
from swiftdeploy.model.state import State, Track

ABOUT = "take all faults back"
TARGETS = ("stable", "canary", "judge")
OPTIONS: Mapping[str, tuple[float, float]] = {}


def inject(target: Track | str, options: Mapping[str, Json], state: State, world: World) -> None:
    """An absent track has nothing to take back; a stable app refuses chaos of any kind, so it has no fault either."""
    if target == "judge":
        world.judge.hurt("recover")
    elif target == "canary" and state.canary:
        injecting.post("canary", {"mode": "recover"}, state, world)

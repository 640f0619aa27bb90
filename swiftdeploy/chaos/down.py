"""down: an instance or the judge is killed, as by a crash."""

from __future__ import annotations

from collections.abc import Mapping

from swiftdeploy.flow.world import World
from swiftdeploy.model import errors
from swiftdeploy.model.decision import Json
from swiftdeploy.model.state import State, Track

ABOUT = "kill the instance (its restart policy applies), or keep the judge down"
TARGETS = ("stable", "canary", "judge")
OPTIONS: Mapping[str, tuple[float, float]] = {}


def inject(target: Track | str, options: Mapping[str, Json], state: State, world: World) -> None:
    if target == "judge":
        world.judge.hurt("down")
        return
    instance = state.stable if target == "stable" else state.canary
    if instance is None:
        raise errors.NotPossible(f"no {target} runs, so it cannot go down")
    world.engine.kill(instance.id)

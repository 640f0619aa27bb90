"""Ask an instance to hurt itself: its own `POST /chaos`."""

from __future__ import annotations

import json
from collections.abc import Mapping

from swiftdeploy.flow.world import World
from swiftdeploy.model import errors
from swiftdeploy.model.decision import Json
from swiftdeploy.model.state import State, Track


def post(track: Track, body: Mapping[str, Json], state: State, world: World) -> None:
    """POST to the instance of `track`; raises NotPossible when the track is absent or the app refuses."""
    instance = state.instance(track)
    if instance is None:
        first = "promote canary" if state.instances and track == "canary" else "deploy"
        raise errors.NotPossible(f"no {track} runs", f"run `swiftdeploy {first}` first")
    try:
        status, text = world.web.post(f"http://{world.engine.address(instance)}/chaos", body, 5.0)
    except OSError as error:
        raise errors.NotPossible(
            f"{instance.id} did not answer POST /chaos: {error}", "see `swiftdeploy logs`"
        ) from error
    if status != 200:
        raise errors.NotPossible(f"{instance.id} refused the fault with {status}: {_reason(text)}")


def _reason(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return text[:200]
    return str(body.get("error", text[:200])) if isinstance(body, dict) else text[:200]

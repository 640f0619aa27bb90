"""A status snapshot as plain data, for `assert: {status: ...}`."""

from __future__ import annotations

from dataclasses import asdict

from swiftdeploy.model.decision import Json
from swiftdeploy.verbs.status import Snapshot


def as_json(shot: Snapshot) -> dict[str, Json]:
    """`mode`, `weight`, `engine`, `generation`, `tracks` and `parts` by name, `decisions` by gate, `notes`."""
    tracks: dict[str, Json] = {}
    for one in shot.tracks:
        tracks[one.track] = {
            "instance": one.instance,
            "release": one.release,
            "version": one.version,
            "share": one.share,
            "state": one.part.state,
            "chaos": one.chaos,
            **asdict(one.figures),
        }
    return {
        "mode": shot.mode,
        "engine": shot.state.engine,
        "generation": shot.state.generation,
        "weight": shot.state.weight,
        "tracks": tracks,
        "parts": {part.name: part.state for part in shot.parts},
        "decisions": {gate: decision.outcome for gate, decision in shot.decisions.items()},
        "notes": list(shot.notes),
    }

"""plan: what `deploy` would do now, and what would be rendered; nothing is changed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from swiftdeploy.flow import asked, outputs, proof
from swiftdeploy.flow.world import World
from swiftdeploy.model import asking, errors, journal
from swiftdeploy.model import plan as plans
from swiftdeploy.model.decision import Gate, Json
from swiftdeploy.model.state import State, moves


@dataclass(frozen=True)
class Preview:
    """`refused` is why the command would exit with 3; the rest is empty then."""

    summary: str
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    gate: Gate | None = None
    input: Mapping[str, Json] | None = None
    diffs: Mapping[str, str] | None = None
    refused: str = ""


def plan(world: World) -> Preview:
    """Look at `deploy` without doing it. Raises BadFile for manifest and templates."""
    manifest = asked.manifest(world)
    last = journal.committed(world.journal.changes())
    before = last.state if last else State()
    diffs = _diffs(outputs.rendered(manifest, world), world)
    try:
        asks = asking.asks(manifest, world.engine.release(manifest), world.engine.name)
        goal = plans.deploy(before, asks)
    except (errors.NotPossible, errors.EnvironmentMissing) as error:
        return Preview("deploy is not possible now", diffs=diffs, refused=str(error))
    todo = moves(before, goal.state)
    facts = proof.asked(world.host.facts(), "deploy", goal.mode, world) if goal.gate else None
    labels = [tuple(f"{one.id} ({one.release.label})" for one in some) for some in (todo.start, todo.stop)]
    return Preview(goal.summary, labels[0], labels[1], goal.gate, facts, diffs)


def _diffs(texts: Mapping[str, str], world: World) -> dict[str, str]:
    """Unified diffs from the files on disk to what would be rendered, for those that differ."""
    found = {}
    for name, text in texts.items():
        old = world.files.read(name) if world.files.exists(name) else ""
        if old != text:
            lines = difflib.unified_diff(old.splitlines(True), text.splitlines(True), name, f"{name} (rendered)")
            found[name] = "".join(lines)
    return found

"""logs: what the parts of the stack wrote."""

from __future__ import annotations

from collections.abc import Iterator

from swiftdeploy.flow.world import World
from swiftdeploy.model import errors, journal
from swiftdeploy.model.state import State

PARTS = ("stable", "canary", "proxy", "judge")


def names(world: World, which: str) -> tuple[str, ...]:
    """Log names for `stable`, `canary`, `proxy`, `judge`, an instance id, or `` for every part that runs."""
    last = journal.committed(world.journal.changes())
    state = last.state if last else State()
    ids = tuple(one.id for one in state.instances)
    if which in ids or which in ("proxy", "judge"):
        return (which,)
    if which in ("stable", "canary"):
        found = state.stable if which == "stable" else state.canary
        if found is None:
            raise errors.NotPossible(f"no {which} runs", "`swiftdeploy status --once` says what does")
        return (found.id,)
    if which:
        raise errors.Unreadable(f"there is no part {which!r}", f"parts are {', '.join((*PARTS, *ids))}")
    if not ids:
        raise errors.NotPossible("nothing runs, so there are no logs", "run `swiftdeploy deploy` first")
    return (*ids, "proxy")


def tail(world: World, which: str, lines: int) -> Iterator[tuple[str, str]]:
    """(part, line) of the last `lines` lines of each part."""
    for name in names(world, which):
        for line in world.engine.log_tail(name, lines):
            yield name, line


def follow(world: World, which: str) -> Iterator[tuple[str, str]]:
    """(part, line) of one part as they come; raises Unreadable when more than one part was asked for."""
    found = names(world, which)
    if len(found) > 1:
        raise errors.Unreadable("-f follows one part", f"name one of {', '.join(found)}")
    for line in world.engine.log_follow(found[0]):
        yield found[0], line

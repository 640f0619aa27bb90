"""rollback: leave the canary, or go back to the release before."""

from __future__ import annotations

from swiftdeploy.flow import move
from swiftdeploy.flow.change import change
from swiftdeploy.flow.world import World
from swiftdeploy.model import errors, journal, plan
from swiftdeploy.model.state import Release, State


def rollback(world: World) -> State:
    """All traffic to the warm stable track, else to the newest earlier release. Never gated, always recorded.

    Raises NotPossible when there is nowhere to go back to, RollbackFailed with nothing changed.
    """
    with change("rollback", world) as now:
        goal = plan.rollback(now.before, _target(now.before, world))
        with now.towards(goal):
            try:
                move.start(now.before, goal.state, now.undo, world)
                move.switch(now.before, goal.state, now.undo, world)
            except (errors.NotHealthy, errors.EnvironmentMissing, errors.Unreadable) as error:
                raise errors.RollbackFailed(f"the rollback failed: {error.what}", error.next_step) from error
        return goal.state


def _target(now: State, world: World) -> Release | None:
    """Looked for only where no stable track is warm: a long journal takes seconds to read to its beginning."""
    if now.stable and now.canary:
        return None
    return journal.rollback_target(world.journal.changes(), now)

"""rollback: leave the canary, or go back to the release before."""

from __future__ import annotations

from swiftdeploy.flow import move
from swiftdeploy.flow.change import change
from swiftdeploy.flow.world import World
from swiftdeploy.model import errors, journal, plan
from swiftdeploy.model.state import State


def rollback(world: World) -> State:
    """All traffic to the warm stable track, else to the newest earlier release. Never gated, always recorded.

    Raises NotPossible when there is nowhere to go back to, RollbackFailed with nothing changed.
    """
    with change("rollback", world) as now:
        goal = plan.rollback(now.before, journal.rollback_target(world.journal.changes(), now.before))
        try:
            with now.towards(goal):
                move.start(now.before, goal.state, now.undo, world)
                move.switch(now.before, goal.state, now.undo, world)
        except (errors.NotHealthy, errors.EnvironmentMissing) as error:
            raise errors.RollbackFailed(f"the rollback failed: {error.what}", error.next_step) from error
        return goal.state

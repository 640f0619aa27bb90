"""promote: give a track the traffic."""

from __future__ import annotations

from swiftdeploy.flow import gate, move, proof
from swiftdeploy.flow.change import change
from swiftdeploy.flow.world import World
from swiftdeploy.model import plan
from swiftdeploy.model.state import State, Track


def promote(to: Track, weight: int | None, world: World, override: str = "") -> State:
    """Move traffic to `to`, losing no request; `weight` is the canary's share in percent, the manifest's when None.

    Raises Denied, NoDecision, NotHealthy, NotPossible with nothing changed.
    """
    with change("promote", world) as now:
        world.judge.warm()
        if to == "canary" and now.before.instances:
            world.engine.fetch(now.manifest)
        goal = plan.promote(now.before, now.asks, to, weight)
        if weight is not None and goal.state.weight != weight:
            world.console.warn(f"--weight {weight} does not apply: {goal.summary}")
        if goal.gate is None and goal.state == now.before:
            return now.unchanged(goal)
        now.prepare(goal)
        with now.towards(goal, override):
            move.start(now.before, goal.state, now.undo, world)
            serving = now.before
            foregone = proof.foregone("canary", world) if goal.judged else None
            if goal.trial and not foregone:  # no user meets a release that no policy could judge
                move.trial(now.before, goal.trial, now.undo, world)
                serving = goal.trial
            if goal.judged:  # empty on the way back, which is never gated
                stays = goal.judged in now.before.instances
                gate.canary("promote", goal.judged, serving, now.manifest, world, override, to, stays, foregone)
            move.switch(serving, goal.state, now.undo, world)
        return goal.state

"""deploy: run the manifest's release."""

from __future__ import annotations

from swiftdeploy.flow import gate, move, observe
from swiftdeploy.flow.change import change
from swiftdeploy.flow.world import World
from swiftdeploy.model import plan
from swiftdeploy.model.state import State


def deploy(world: World, override: str = "") -> State:
    """Start the manifest's release and give it the traffic, losing no request; repair when it runs already.

    Raises Denied, NoDecision, NotHealthy, NotPossible, EnvironmentMissing with nothing changed.
    """
    with change("deploy", world) as now:
        world.judge.warm()
        world.engine.fetch(now.manifest)
        goal = plan.deploy(now.before, now.asks)
        if goal.state == now.before:
            return now.unchanged(goal)
        if not now.before.instances:
            now.undo.callback(world.engine.close, False)  # nothing may stay when the very first gate says no
        world.engine.open(now.asks.settings)
        world.engine.start_judge(now.before.settings or now.asks.settings, world.files.policies())
        gate.infrastructure("deploy", world, override, goal.mode)
        now.prepare(goal)
        with now.towards(goal, override):
            move.start(now.before, goal.state, now.undo, world)
            move.switch(now.before, goal.state, now.undo, world)
        _warn_of_metrics(goal.state, world)
        return goal.state


def _warn_of_metrics(state: State, world: World) -> None:
    """Said while there is time to mend it, since the gate would have less to judge by."""
    for one in state.instances:
        if missing := observe.uncounted(one, world, one.release.metrics):
            world.console.warn(missing)

"""From what runs to what should run, start first; the only room that changes a stack."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

from swiftdeploy.flow import releases, waiting
from swiftdeploy.flow.world import World
from swiftdeploy.model import errors
from swiftdeploy.model import state as states
from swiftdeploy.model.state import Instance, State

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

READY_ANSWERS = 2  # one good answer may come from a process that is about to fail
VERIFY_SECONDS = 10.0
STOP_SECONDS = 5.0
DRAIN_CEILING_SECONDS = 3600.0  # the engine ends a drain earlier, by the old release's own drain_timeout


def start(before: State, goal: State, undo: ExitStack, world: World) -> None:
    """Start what `goal` adds, beside what serves, and wait until it is ready; raises NotHealthy."""
    new = states.moves(before, goal).start
    with world.phase("start-new"):
        if goal.settings:
            world.engine.open(goal.settings)
        stopped = {part.name for part in world.engine.parts(goal) if part.state == "stopped"}
        lost = tuple(one for one in goal.instances if one.id in stopped and one not in new)
        for one in lost:  # it should serve already, so there is nothing to undo
            world.engine.start(one, releases.manifest_of(one.release, world))
        for one in new:
            undo.callback(world.engine.stop, one.id, STOP_SECONDS)  # the undo first: a start may die half way
            world.engine.start(one, releases.manifest_of(one.release, world))
    with world.phase("ready"):
        for one in (*lost, *new):
            _become_ready(one, world)


def switch(before: State, goal: State, undo: ExitStack, world: World) -> None:
    """Route to `goal` and see it in force; raises NotHealthy when it is not within 10 s."""
    if before == goal:
        return
    with world.phase("switch"):
        if before.instances:
            undo.callback(_settle, before, world)
        world.engine.route(goal)
        _move_judge(before, goal, undo, world)
    with world.phase("verify"):
        _verify(goal, world)


def trial(before: State, first: State, undo: ExitStack, world: World) -> None:
    """Route to `first`, which gives new instances a small share; undone, they are idle before they are stopped."""
    new = tuple(one.id for one in states.moves(before, first).start)
    undo.callback(_drain, new, world)
    world.console.say(f"{', '.join(new)} takes {first.weight} % of the requests, to judge it by its users")
    switch(before, first, undo, world)


def _drain(ids: tuple[str, ...], world: World) -> None:
    left = waiting.until(lambda: world.engine.busy(ids), world.clock, DRAIN_CEILING_SECONDS)
    if left:
        world.console.warn(f"drain ended after {DRAIN_CEILING_SECONDS:g} s with {left}")


def _move_judge(before: State, goal: State, undo: ExitStack, world: World) -> None:
    """The judge's own settings are part of the change; until here it answered where the last commit says."""
    if before.settings and goal.settings and before.settings.opa_port != goal.settings.opa_port:
        undo.callback(world.engine.start_judge, before.settings, world.files.policies())
        world.engine.start_judge(goal.settings, world.files.policies())


def finish(goal: State, world: World) -> None:
    """Stop what runs and is not in `goal`, once idle. Repeatable: a crash in here is finished by the next command."""
    wanted = {one.id for one in goal.instances}
    old = tuple(name for name in world.engine.running() if name not in wanted)
    with world.phase("drain"):
        if old and goal.instances:
            _drain(old, world)
    with world.phase("stop-old"):
        for name in old:
            world.engine.stop(name, STOP_SECONDS)


def repair(state: State, world: World) -> tuple[str, ...]:
    """Start again what should run and does not; names of what was started."""
    missing = tuple(part.name for part in world.engine.parts(state) if part.state == "stopped")
    if not missing:
        return ()
    if state.settings:
        world.engine.open(state.settings)
        world.engine.start_judge(state.settings, world.files.policies())
    for one in state.instances:
        if one.id in missing:
            world.engine.start(one, releases.manifest_of(one.release, world))
            _become_ready(one, world)
    _settle(state, world)
    return missing


def restore(state: State, world: World) -> None:
    """Make `state` true again after a crash: what it names runs, and the proxy routes to it."""
    try:
        if repair(state, world):
            return
    except errors.NotHealthy as error:  # no reason to refuse the rollback that would leave it
        world.console.warn(error.what)
    _settle(state, world)


def _settle(state: State, world: World) -> None:
    world.engine.route(state)
    _verify(state, world)


def _verify(state: State, world: World) -> None:
    if left := waiting.until(lambda: world.engine.unrouted(state), world.clock, VERIFY_SECONDS):
        raise errors.NotHealthy(f"the proxy did not take the new routes within {VERIFY_SECONDS:g} s: {left}")


def _become_ready(one: Instance, world: World) -> None:
    asked = releases.manifest_of(one.release, world)
    limit = asked.services.start_timeout_seconds
    good = 0

    def missing() -> str | None:
        nonlocal good
        if dead := world.engine.ended(one):
            raise _not_healthy(one, dead, world)
        left = _unhealthy(one, asked, world)
        good = 0 if left else good + 1
        return left or (None if good >= READY_ANSWERS else "one good answer so far")

    if left := waiting.until(missing, world.clock, limit):
        raise _not_healthy(one, f"not ready after {limit:g} s: {left}", world)


def _unhealthy(one: Instance, asked: Manifest, world: World) -> str | None:
    """What the health path still lacks. Where the body is JSON, `status`, `mode` and `version` in it must match."""
    path = asked.services.health_path
    try:
        status, text = world.web.get(f"http://{world.engine.address(one)}{path}", 2.0)
    except OSError as error:
        return f"{path} gave no answer ({error})"
    if not 200 <= status < 300:
        return f"{path} answered {status}"
    try:
        body = json.loads(text)
    except ValueError:
        return None
    wanted = {"status": "ok", "mode": one.track, "version": one.release.version}
    wrong = [
        f"{key} is {body[key]!r} and not {want!r}"
        for key, want in wanted.items()
        if isinstance(body, dict) and key in body and body[key] != want
    ]
    return f"{path}: {', '.join(wrong)}" if wrong else None


def _not_healthy(one: Instance, what: str, world: World) -> errors.NotHealthy:
    tail = "\n".join(f"    {line}" for line in world.engine.log_tail(one.id, 20))
    log = f"\n  last lines of its log:\n{tail}" if tail else "\n  it wrote no log"
    return errors.NotHealthy(
        f"{one.id} ({one.release.label}) is not healthy: {what}{log}",
        "mend the release and run the command again; nothing was changed",
    )

"""teardown: stop everything of this project and nothing else."""

from __future__ import annotations

from contextlib import ExitStack

from swiftdeploy.flow import asked, releases
from swiftdeploy.flow.world import World
from swiftdeploy.model import digest, errors, journal
from swiftdeploy.model.event import Committed, Finished, Intent
from swiftdeploy.model.state import State, Track

RENDERED = ("nginx.conf", "docker-compose.yml")
EMPTY = {"lock", ".gitignore"}  # what a state folder holds that has nothing to say, such as a report
STATE = (releases.FOLDER, ".swiftdeploy/routing", ".swiftdeploy/local")


def teardown(world: World, clean: bool = False) -> None:
    """Works from the engine's own markers alone, so also when manifest or journal cannot be used; never gated.

    Raises Unreadable in a folder that is no project.
    """
    asked.require_project(world)
    with ExitStack() as held:
        with world.phase("lock"):
            held.enter_context(world.lock("teardown"))
        recorded = _record_intent("stop everything and clean" if clean else "stop everything", world)
        world.engine.close(clean)
        if recorded:
            mode, note = _last_mode(world), "clean" if clean else ""
            world.journal.append(Committed("teardown", mode, State(), _manifest_digest(world), note=note))
        if clean:
            _clean(world)
        if recorded:
            world.journal.append(Finished("teardown"))
    world.console.say("everything of this project is stopped" + (" and cleaned" if clean else ""))


def _clean(world: World) -> None:
    for name in (*RENDERED, *STATE):
        world.files.remove(name)
    if set(world.files.names(".swiftdeploy")) <= EMPTY:
        world.files.remove(".swiftdeploy")


def _record_intent(what: str, world: World) -> bool:
    """False when the journal cannot be read or written, which is said and stops nobody from stopping the stack."""
    try:
        journal.committed(world.journal.changes())
        world.journal.append(Intent("teardown", what))
    except errors.SwiftDeployError as error:
        world.console.warn(f"{error.what}; stopping by the engine's own markers, and recording nothing")
        return False
    return True


def _last_mode(world: World) -> Track:
    last = journal.committed(world.journal.changes())
    return last.mode if last else "stable"


def _manifest_digest(world: World) -> str:
    return digest.of(world.files.read(world.manifest_name)) if world.files.exists(world.manifest_name) else ""

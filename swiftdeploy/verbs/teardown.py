"""teardown: stop everything of this project and nothing else."""

from __future__ import annotations

from swiftdeploy.flow import releases
from swiftdeploy.flow.world import World
from swiftdeploy.model import digest, errors, journal
from swiftdeploy.model.event import Committed, Finished, Intent
from swiftdeploy.model.state import State, Track

RENDERED = ("nginx.conf", "docker-compose.yml")
EMPTY = {"lock", ".gitignore"}  # what a state folder holds that has nothing to say, such as a report
STATE = (releases.FOLDER, ".swiftdeploy/routing", ".swiftdeploy/local")


def teardown(world: World, clean: bool = False) -> None:
    """Works from the engine's own markers alone, so also when manifest or journal cannot be read; never gated."""
    with world.phase("lock"):
        held = world.lock("teardown")
    with held:
        readable = _journal_is_readable(world)
        if readable:
            world.journal.append(Intent("teardown", "stop everything and clean" if clean else "stop everything"))
        world.engine.close(clean)
        if readable:
            mode = _last_mode(world)
            world.journal.append(
                Committed("teardown", mode, State(), _manifest_digest(world), note="clean" if clean else "")
            )
            world.journal.append(Finished("teardown"))
        if clean:
            for name in (*RENDERED, *STATE):
                world.files.remove(name)
            if set(world.files.names(".swiftdeploy")) <= EMPTY:
                world.files.remove(".swiftdeploy")
        world.console.say("everything of this project is stopped" + (" and cleaned" if clean else ""))


def _journal_is_readable(world: World) -> bool:
    try:
        journal.committed(world.journal.changes())
        world.journal.head()
    except errors.Unreadable as error:
        world.console.warn(f"{error.what}; stopping by the engine's own markers, and recording nothing")
        return False
    return True


def _last_mode(world: World) -> Track:
    last = journal.committed(world.journal.changes())
    return last.mode if last else "stable"


def _manifest_digest(world: World) -> str:
    return digest.of(world.files.read(world.manifest_name)) if world.files.exists(world.manifest_name) else ""

"""Stop everything of one project and nothing else, whatever state its files and its supervisord are in."""

from __future__ import annotations

import shutil
from contextlib import suppress

from swiftdeploy.engines.local import processes, programs, rundir
from swiftdeploy.engines.local.places import Places
from swiftdeploy.engines.local.rpc import Unreachable
from swiftdeploy.engines.local.supervisor import Supervisor
from swiftdeploy.machine import ports

TRIES = 5


def everything(places: Places, grace_seconds: float, clean: bool = False) -> None:
    """End all processes (SIGTERM, up to `grace_seconds`, SIGKILL), give back ports and temporary folders.

    `clean` removes the logs and all other files of the engine too. May be repeated.
    """
    with suppress(Unreachable):  # dead or hung: what is left is found by its mark
        Supervisor(places).shutdown(grace_seconds)
        processes.wait(processes.marked(places), 1.0)  # its socket goes a moment before itself
    leftovers(places, grace_seconds)
    for name in programs.names(places):
        programs.remove(name, places)
    rundir.remove(places)
    ports.release_all(places.root)
    for name in ("supervisord.pid", "supervisord.conf", "proxy", "states", *(["logs", "programs"] if clean else [])):
        _remove(places, name)
    if clean:
        shutil.rmtree(places.local, ignore_errors=True)
        shutil.rmtree(places.routing.parent, ignore_errors=True)


def leftovers(places: Places, grace_seconds: float) -> None:
    """End what is marked as this project's; looked for again, since what dies last may just have started something."""
    for _ in range(TRIES):
        found = processes.marked(places)
        if not found:
            return
        processes.end(found, grace_seconds)


def _remove(places: Places, name: str) -> None:
    path = places.local / name
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

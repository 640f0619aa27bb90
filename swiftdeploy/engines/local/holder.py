"""Who holds a port that this project wants."""

from __future__ import annotations

import time

from swiftdeploy.engines.local.places import Places
from swiftdeploy.machine import ports
from swiftdeploy.model.errors import EnvironmentMissing

LOOKS, PAUSE_SECONDS = 5, 0.06


def of(address: str, port: int, places: Places) -> str | None:
    """In words, `pid 4121 (nginx)`; None when the port is free, or held by this project itself.

    Looked at again before anybody is blamed: what just starts or ends of ours has no environment to be known by.
    """
    for _ in range(LOOKS):
        who = _seen(address, port, places)
        if who is None:
            return None
        time.sleep(PAUSE_SECONDS)
    return who


def _seen(address: str, port: int, places: Places) -> str | None:
    if ports.free(address, port):
        return None
    from swiftdeploy.engines.local import processes
    from swiftdeploy.machine import listeners

    found = listeners.listener(port)
    if found is None:
        return "another user's process"
    if isinstance(found, int):
        # closed meanwhile, or in another network namespace of this machine
        return None if ports.free(address, port) else "a process that cannot be seen from here"
    return None if processes.belongs(found, places) else f"pid {found.pid} ({listeners.name(found)})"


def require(address: str, port: int, key: str, places: Places) -> None:
    """Raise EnvironmentMissing when another holds the port that the manifest's `key` asks for."""
    if who := of(address, port, places):
        raise EnvironmentMissing(f"port {port} is taken by {who}", f"stop it, or choose another {key} in the manifest")

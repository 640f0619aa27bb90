"""Who holds a port that this project wants."""

from __future__ import annotations

from swiftdeploy.engines.local import ports
from swiftdeploy.engines.local.places import Places
from swiftdeploy.model.errors import EnvironmentMissing


def of(address: str, port: int, places: Places) -> str | None:
    """In words, `pid 4121 (nginx)`; None when the port is free, or held by this project itself."""
    if ports.free(address, port):
        return None
    from swiftdeploy.engines.local import processes

    found = processes.listener(port)
    if found is None:
        return "another user's process"
    if isinstance(found, int):
        # closed meanwhile, or in another network namespace of this machine
        return None if ports.free(address, port) else "a process that cannot be seen from here"
    return None if processes.belongs(found, places) else f"pid {found.pid} ({processes.name(found)})"


def require(address: str, port: int, key: str, places: Places) -> None:
    """Raise EnvironmentMissing when another holds the port that the manifest's `key` asks for."""
    if who := of(address, port, places):
        raise EnvironmentMissing(f"port {port} is taken by {who}", f"stop it, or choose another {key} in the manifest")

"""Whether what a stack wants of the machine is free: its Compose name, network, volume and ports."""

from __future__ import annotations

from pathlib import Path

from swiftdeploy.engines.docker import containers, networks
from swiftdeploy.engines.docker.containers import JUDGE, Container
from swiftdeploy.machine import listeners, ports
from swiftdeploy.model import render
from swiftdeploy.model.errors import EnvironmentMissing, NotPossible
from swiftdeploy.model.state import Settings


def require_folder(root: Path) -> None:
    """Raise EnvironmentMissing when a label, and a listing line by line, cannot carry the folder's name."""
    if not str(root).isprintable():
        raise EnvironmentMissing(
            f"the folder {str(root)!a} has a sign in its name that no label of Docker can carry",
            "rename it, or use --engine local",
        )


def require(settings: Settings, root: Path, ours: tuple[Container, ...]) -> None:
    """Raise NotPossible or EnvironmentMissing, with the owner's name, when something is another's."""
    project = render.project_name(settings.network_name)
    _require_project(project, root, ours)
    networks.require_ours("network", (settings.network_name, _judges(settings)), project, "network.name")
    networks.require_ours("volume", (settings.log_volume,), project, "services.log_volume")
    _require_port(settings.bind, settings.port, "nginx.port", ours)
    _require_port("127.0.0.1", settings.admin_port, "nginx.admin_port", ours)


def require_judge(settings: Settings, root: Path, ours: tuple[Container, ...]) -> None:
    """The same for OPA, which starts before anything else."""
    now = containers.part(JUDGE, ours)
    if now and now.state == "running":
        return
    project = render.project_name(settings.network_name)
    _require_project(project, root, ours)
    networks.require_ours("network", (_judges(settings),), project, "network.name")
    _require_port("127.0.0.1", settings.opa_port, "opa.port", ours)


def holder(port: int, bind: str, ours: tuple[Container, ...]) -> str | None:
    """Who listens on a port, in words; None when it is free or this project's own."""
    if ports.free(bind, port):
        return None
    mine = {one.id for one in ours}
    found = containers.publishing(port)
    if any(one.id in mine for one in found):
        return None
    if found:
        where = f" of the Compose project {found[0].project} in {found[0].folder}" if found[0].project else ""
        return f"container {found[0].name}{where}"
    listener = listeners.listener(port)
    if listener is None or isinstance(listener, int):
        return None if ports.free(bind, port) else "a process that cannot be seen from here"
    return f"pid {listener.pid} ({listeners.name(listener)})"


def _judges(settings: Settings) -> str:
    """The network that OPA is on, as the template names it."""
    return f"{settings.network_name}-opa"


def _require_port(bind: str, port: int, key: str, ours: tuple[Container, ...]) -> None:
    if who := holder(port, bind, ours):
        raise EnvironmentMissing(f"port {port} is taken by {who}", f"stop it, or choose another {key} in the manifest")


def _require_project(project: str, root: Path, ours: tuple[Container, ...]) -> None:
    """Another folder's stack under the same Compose name would be changed by ours, and so would a plain `docker compose
    up` of this folder, which no journal knows. A stack that runs under another name was begun with another network."""
    others = [one for one in containers.of_project(project) if one.root != str(root)]
    if others:
        folder = others[0].folder
        if folder == str(root) and not others[0].root:
            raise NotPossible(
                f"a plain `docker compose up` of this project runs ({others[0].name})",
                "run `docker compose down` first",
            )
        raise EnvironmentMissing(
            f"the Compose project {project} runs from {folder or 'another place'} ({others[0].name})",
            "choose another network.name in the manifest, or tear that stack down",
        )
    if names := sorted({one.project for one in ours} - {project}):
        raise NotPossible(
            f"this stack runs as the Compose project {names[0]}, and network.name now asks for {project}",
            "run `swiftdeploy teardown` first, or put network.name back",
        )

"""OPA in its container. It reads the policies on disk when it starts; whoever asks it loads changed ones first."""

from __future__ import annotations

import hashlib
import json
import time

from swiftdeploy.engines.docker import logs
from swiftdeploy.engines.docker.compose import Compose
from swiftdeploy.engines.docker.composefile import Start
from swiftdeploy.engines.docker.containers import JUDGE, Containers
from swiftdeploy.engines.docker.marks import SETTINGS
from swiftdeploy.engines.docker.places import write
from swiftdeploy.machine import ask
from swiftdeploy.model import render
from swiftdeploy.model.decision import PolicySet
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import Settings

SERVICE = "opa"
START_SECONDS = 15.0
# as in the template, without the folder: an OPA whose policies do not compile, or cannot be read by its user, does not
# start, and then nobody could ask it what is wrong with them
EMPTY = ("run", "--server", "--addr", "0.0.0.0:8181")


def start(settings: Settings, policies: PolicySet, compose: Compose) -> None:
    """Run it and wait until it answers; nothing when it does already. Raises EnvironmentMissing."""
    found = compose.containers.part(JUDGE)
    folder = render.policies_folder(policies.folder, policies.packaged)
    wanted = _digest(settings, folder)
    if found and found.settings.startswith(wanted) and found.state == "running" and _answers(settings.opa_port):
        return
    if found:
        compose.containers.stop(found, 1.0)
    if policies.packaged:
        _lay_out(policies, compose)
    text = compose.stack(settings, folder)
    compose.up(Start(text, SERVICE, {"labels": {SETTINGS: wanted}}))
    if _wait(settings.opa_port, compose.containers) is None:
        return
    _remove(compose.containers)
    compose.up(Start(text, SERVICE, {"labels": {SETTINGS: f"{wanted} empty"}, "command": list(EMPTY)}))
    if said := _wait(settings.opa_port, compose.containers):
        _remove(compose.containers)
        raise EnvironmentMissing(f"OPA did not answer on 127.0.0.1:{settings.opa_port}: {said}")


def _lay_out(policies: PolicySet, compose: Compose) -> None:
    """Packaged policies as a folder that can be mounted, and read by the numeric user inside."""
    folder = compose.places.policies
    compose.places.make()
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    for name, text in policies.files.items():
        write(folder / name, text, 0o644)


def _digest(settings: Settings, folder: str) -> str:
    counts = (settings.opa_image, settings.opa_port, settings.restart_policy, settings.network_name, folder)
    return hashlib.sha256(json.dumps(counts).encode()).hexdigest()[:16]


def _wait(port: int, seen: Containers) -> str | None:
    """None once it answers; what it said when it ended, or did not answer in time."""
    limit = time.monotonic() + START_SECONDS
    while not _answers(port):
        found = seen.part(JUDGE)
        ended = found is None or found.state != "running"
        if ended or time.monotonic() > limit:
            return "\n".join(logs.tail(found.id, 5)) if found else "its container is gone"
        time.sleep(0.03)
    return None


def _remove(seen: Containers) -> None:
    if found := seen.part(JUDGE):
        seen.remove(found)


def _answers(port: int) -> bool:
    try:
        return ask.get(f"127.0.0.1:{port}", "/health", 1.0)[0] == 200
    except OSError:
        return False

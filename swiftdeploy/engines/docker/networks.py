"""Networks and volumes: whose they are, and by which address this machine is seen from inside."""

from __future__ import annotations

import json
from typing import Any

from swiftdeploy.engines.docker import cli, marks
from swiftdeploy.model.errors import EnvironmentMissing


def require_ours(kind: str, name: str, project: str, key: str) -> None:
    """Raise EnvironmentMissing when a `network` or `volume` of that name is there and not this Compose project's."""
    found = _inspected(kind, name)
    if found is None:
        return
    owner = (found.get("Labels") or {}).get(marks.PROJECT)
    if owner == project:
        return
    whose = f"belongs to the Compose project {owner}" if owner else "was not made by Compose"
    raise EnvironmentMissing(
        f"{kind} {name} {whose}", f"choose another {key} in the manifest, or remove it with `docker {kind} rm {name}`"
    )


def gateways(name: str) -> tuple[str, ...]:
    """Addresses by which containers of a network see this machine; () when there is no such network."""
    found = _inspected("network", name) or {}
    configs = (found.get("IPAM") or {}).get("Config") or []
    # a network with the machine's own choice of subnet may say `172.18.0.1/16`
    return tuple(str(one["Gateway"]).split("/")[0] for one in configs if one.get("Gateway"))


def remove(kind: str, wanted: str) -> None:
    """Remove the networks or volumes that a filter finds; those in use by others stay."""
    answer = cli.ask(kind, "ls", "-q", "--filter", wanted)
    for name in answer.out.split():
        cli.ask(kind, "rm", name)


def _inspected(kind: str, name: str) -> dict[str, Any] | None:
    answer = cli.ask(kind, "inspect", name)
    try:
        found = json.loads(answer.out)
    except ValueError:
        found = []
    if answer.status and (why := cli.no_daemon()):
        raise EnvironmentMissing(why, "start the Docker daemon and run the command again")
    return found[0] if found else None

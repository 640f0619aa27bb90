"""Networks and volumes: whose they are, and by which address this machine is seen from inside."""

from __future__ import annotations

import json
from collections.abc import Collection

from swiftdeploy.engines.docker import cli, marks
from swiftdeploy.model.errors import EnvironmentMissing


def require_ours(kind: str, names: Collection[str], project: str, key: str) -> None:
    """Raise EnvironmentMissing when a `network` or `volume` of such a name is there and not this Compose project's."""
    out = cli.do(
        kind, "ls", *(word for name in names for word in ("--filter", f"name={name}")),
        "--format", f'{{{{.Name}}}}\\t{{{{.Label "{marks.PROJECT}"}}}}', what=f"the {kind}s cannot be listed",
    )  # fmt: skip
    for name, _, owner in (line.partition("\t") for line in out.splitlines()):
        if name in names and owner != project:  # the filter finds longer names too
            whose = f"belongs to the Compose project {owner}" if owner else "was not made by Compose"
            raise EnvironmentMissing(
                f"{kind} {name} {whose}",
                f"choose another {key} in the manifest, or remove it with `docker {kind} rm {name}`",
            )


def gateways(name: str) -> tuple[str, ...]:
    """Addresses by which containers of a network see this machine; () when there is no such network."""
    answer = cli.ask("network", "inspect", "--format", "{{json .IPAM.Config}}", name)
    found = json.loads(answer.out) if answer.status == 0 else None
    # a subnet that somebody chose may come with a gateway like `172.18.0.1/16`
    return tuple(str(one["Gateway"]).split("/")[0] for one in found or () if one.get("Gateway"))


def remove(kind: str, wanted: str) -> None:
    """Remove the networks or volumes that a filter finds; those in use by others stay."""
    answer = cli.ask(kind, "ls", "-q", "--filter", wanted)
    for name in answer.out.split():
        cli.ask(kind, "rm", name)

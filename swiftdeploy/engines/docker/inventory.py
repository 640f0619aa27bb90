"""What the docker engine needs of this machine, asked of the programs themselves."""

from __future__ import annotations

import re

from swiftdeploy.engines.docker import cli
from swiftdeploy.model.check import Check
from swiftdeploy.model.errors import EnvironmentMissing

OLDEST_COMPOSE = (2, 20)


def checks() -> tuple[Check, ...]:
    """Daemon and Compose v2, with versions, and how to get what is missing."""
    return _daemon(), _compose()


def _daemon() -> Check:
    try:
        answer = cli.ask("version", "--format", "{{.Server.Version}}")
    except EnvironmentMissing as error:
        return Check("docker daemon", "fail", f"{error.what}; {error.next_step}")
    if answer.status:
        return Check("docker daemon", "fail", "no daemon answers; start it, or use --engine local")
    return Check("docker daemon", "pass", answer.out.strip())


def _compose() -> Check:
    try:
        answer = cli.ask("compose", "version", "--short")
    except EnvironmentMissing as error:
        return Check("docker compose", "fail", error.what)
    found = re.match(r"v?(\d+)\.(\d+)", answer.out.strip())
    if answer.status or found is None:
        return Check("docker compose", "fail", "Compose v2 is missing; install the docker-compose-plugin")
    if (int(found[1]), int(found[2])) < OLDEST_COMPOSE:
        return Check("docker compose", "fail", f"{answer.out.strip()} is too old; 2.20 or newer is needed")
    return Check("docker compose", "pass", answer.out.strip())

"""The containers of one project, as Docker lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from swiftdeploy.engines.docker import cli, marks
from swiftdeploy.model.errors import EnvironmentMissing

PROXY, JUDGE, APP = "proxy", "judge", "app"
_FIELDS = ("{{.ID}}", "{{.State}}", "{{.Status}}", "{{.Names}}", *(
    f'{{{{.Label "{name}"}}}}'
    for name in (marks.ROLE, marks.INSTANCE, marks.RELEASE, marks.SERVICE, marks.PROJECT, marks.SETTINGS, marks.DRAIN,
                 marks.ROOT, marks.FOLDER)
))  # fmt: skip
_ROW = "\\t".join(_FIELDS)


@dataclass(frozen=True)
class Container:
    """`state` is Docker's word (`running`, `restarting`, `exited` ...), `status` its sentence (`Exited (3) 2 minutes
    ago`). `name` is how people see it. `drain_seconds` is how long its requests in flight may take."""

    id: str
    state: str
    status: str
    name: str
    role: str
    instance: str
    release: str
    service: str
    project: str
    settings: str
    drain_seconds: float
    root: str
    folder: str

    @property
    def part(self) -> str:
        """The name that the rest of the project knows it by."""
        return self.instance or self.role

    @property
    def lives(self) -> bool:
        return self.state in ("running", "restarting", "paused")


@dataclass(frozen=True)
class Ended:
    """What an inspection says of a container: its state, how it ended last, and how often it was started again."""

    state: str
    exit_status: int
    out_of_memory: bool
    restarts: int
    error: str
    pid: int


def of(root: str) -> tuple[Container, ...]:
    """Everything that carries this project's mark, running or not."""
    return matching(f"label={marks.ROOT}={root}")


def of_project(name: str) -> tuple[Container, ...]:
    """Everything of a Compose project of that name, whoever started it."""
    return matching(f"label={marks.PROJECT}={name}")


def publishing(port: int) -> tuple[Container, ...]:
    """Living containers that publish a port on this machine."""
    return tuple(one for one in matching(f"publish={port}") if one.lives)


def part(name: str, found: tuple[Container, ...]) -> Container | None:
    """The container of an instance id, `proxy` or `judge`; a running one before any other."""
    mine = [one for one in found if one.part == name]
    return next((one for one in mine if one.lives), mine[0] if mine else None)


def inspected(container_id: str) -> Ended | None:
    """None when it is gone."""
    answer = cli.ask("container", "inspect", "--format", "{{.RestartCount}} {{json .State}}", container_id)
    if answer.status:
        if why := cli.no_daemon():
            raise EnvironmentMissing(why, "start the Docker daemon and run the command again")
        return None
    restarts, _, state = answer.out.partition(" ")
    found = json.loads(state)
    return Ended(
        str(found["Status"]), int(found["ExitCode"]), bool(found["OOMKilled"]), int(restarts), str(found["Error"]),
        int(found["Pid"]),
    )  # fmt: skip


def wake(found: tuple[Container, ...]) -> None:
    """Let those go on that somebody paused."""
    if paused := [one.id for one in found if one.state == "paused"]:
        cli.do("unpause", *paused, what="paused containers cannot go on")


def stop(container_id: str, grace_seconds: float) -> None:
    """Stop it with SIGTERM (or what its image says), SIGKILL after the grace, and remove it; gone already is fine."""
    cli.ask("stop", "-t", str(max(0, round(grace_seconds))), container_id, seconds=grace_seconds + cli.SECONDS)
    remove(container_id)


def remove(container_id: str) -> None:
    """Remove it at once; gone already is fine."""
    answer = cli.ask("rm", "-f", "-v", container_id)
    if answer.status and inspected(container_id) is not None:
        raise cli.failed(f"container {container_id[:12]} cannot be removed", answer)


def matching(wanted: str) -> tuple[Container, ...]:
    """All containers that a filter of `docker ps` finds."""
    out = cli.do("ps", "-a", "--no-trunc", "--filter", wanted, "--format", _ROW, what="the containers cannot be listed")
    return tuple(_container(line) for line in out.split("\n") if line.count("\t") >= len(_FIELDS) - 1)


def _container(line: str) -> Container:
    (ident, state, status, name, role, instance, release, service, project, settings, drain, root, folder) = line.split(
        "\t", len(_FIELDS) - 1
    )
    return Container(
        ident, state, status, name, role, instance, release, service, project, settings, _seconds(drain), root, folder
    )


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0

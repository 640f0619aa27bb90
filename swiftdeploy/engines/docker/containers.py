"""The containers of one project, as Docker lists them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from swiftdeploy.engines.docker import cli, marks
from swiftdeploy.model.errors import EnvironmentMissing

PROXY, JUDGE = "proxy", "judge"
YOUNG_SECONDS = 0.05
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


class Containers:
    """What carries one project's mark, running or not.

    A listing takes 20 ms and is wanted again and again: one that is younger than 50 ms, and than whatever was done to
    the containers from here, is used again.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._listed: tuple[Container, ...] = ()
        self._at = 0.0

    def all(self) -> tuple[Container, ...]:
        if time.monotonic() - self._at > YOUNG_SECONDS:
            self._listed = matching(f"label={marks.ROOT}={self._root}")
            self._at = time.monotonic()
        return self._listed

    def part(self, name: str) -> Container | None:
        """The container of an instance id, `proxy` or `judge`; a running one before any other."""
        return part(name, self.all())

    def changed(self) -> None:
        """Whatever was listed is of the past."""
        self._at = 0.0

    def again(self, found: Container) -> None:
        """Start one that ended."""
        cli.do("start", found.id, what=f"{found.part} cannot be started again")
        self.changed()

    def wake(self) -> None:
        """Let those go on that somebody paused."""
        if paused := [one.id for one in self.all() if one.state == "paused"]:
            cli.do("unpause", *paused, what="paused containers cannot go on")
            self.changed()

    def stop(self, found: Container, grace_seconds: float) -> None:
        """SIGTERM (or what its image says), SIGKILL after the grace; then it is removed. Gone already is fine."""
        cli.ask("stop", "-t", str(max(0, round(grace_seconds))), found.id, seconds=grace_seconds + cli.SECONDS)
        self.remove(found)

    def remove(self, *found: Container) -> None:
        """Remove them at once; gone already is fine."""
        if found:
            answer = cli.ask("rm", "-f", "-v", *(one.id for one in found))
            if answer.status and any(inspected(one.id) for one in found):
                raise cli.failed(f"{', '.join(one.part for one in found)} cannot be removed", answer)
        self.changed()

    def crash(self, found: Container, comes_back: bool) -> None:
        """SIGKILL, as a crash. Docker takes its own `kill` for a wish that it stays down, so what its restart policy
        would do is done here."""
        policy = cli.ask("container", "inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", found.id).out.strip()
        cli.do("kill", found.id, what=f"{found.part} cannot be killed")
        self.changed()
        if comes_back and policy in ("always", "unless-stopped", "on-failure"):
            self.again(found)


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

"""What scenario steps may do beyond a World, as Protocols; the plugin chooses who does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from swiftdeploy.model.decision import Json
from swiftdeploy.model.load import LoadReport

Named = TypeVar("Named", contravariant=True)


class Running(Protocol):
    """A load that was started."""

    def report(self) -> LoadReport:
        """All that has happened so far."""

    def stop(self) -> LoadReport:
        """End it, waiting for requests in flight. May be called again."""


class Loads(Protocol):
    """Traffic of simulated users."""

    def start(self, url: str, path: str, rps: float, connections: int | None, keepalive: bool) -> Running:
        """GET `url` + `path` at a steady `rps`, at most `connections` in flight when given, until stopped."""


@dataclass(frozen=True)
class Reply:
    """One HTTP response. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


class Http(Protocol):
    """Single requests; no proxy of the environment, no retry, no redirect is followed."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Json, has_body: bool, timeout_seconds: float
    ) -> Reply:
        """Send it, `body` as JSON when `has_body`. Raises OSError when there is no answer."""


@dataclass(frozen=True)
class Ran:
    """What a program did. `exit` is None when it was ended for running too long."""

    exit: int | None
    stdout: str
    stderr: str


class Shell(Protocol):
    """Other programs, by argv; never through a shell."""

    def run(self, argv: Sequence[str], folder: str, timeout_seconds: float) -> Ran:
        """Run it in `folder`; raises EnvironmentMissing when there is no such program."""


@dataclass(frozen=True)
class FileFacts:
    """What a path is. `kind` is `file`, `directory`, `other` or empty when it is absent; `mode` as `0644`."""

    kind: str
    mode: str = ""
    user: str = ""
    size: int = 0
    content: str = ""


class InspectPart(Protocol[Named]):
    """One part of a stack, through testinfra: a process with all below it by its pid, or a container by its id."""

    def user(self, part: Named, /) -> str: ...

    def commands(self, part: Named, /) -> tuple[str, ...]:
        """Command names of all its processes."""

    def sockets(self, part: Named, /) -> tuple[str, ...]:
        """TCP addresses (`127.0.0.1:8080`) on which they listen."""

    def environment(self, part: Named, /) -> Mapping[str, str]: ...


class Inspect(InspectPart[int], Protocol):
    """This machine and its processes."""

    def listens(self, socket: str) -> bool:
        """Whether anything listens on `tcp://HOST:PORT`, `tcp://PORT` or `unix:///PATH`."""

    def file(self, path: str) -> FileFacts: ...


@dataclass(frozen=True)
class Effects:
    """All of them."""

    loads: Loads
    http: Http
    shell: Shell
    inspect: Inspect
    inside: InspectPart[str]

"""A container as testinfra sees it from inside, and as Docker tells of one that has no shell to be asked in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import testinfra

from swiftdeploy.model.errors import EnvironmentMissing

LISTENS = "0A"
DOCKER_DNS = "127.0.0.11"  # Docker's own resolver listens in every container's network namespace


class Inside:
    """Fulfils scenario.effects.InspectPart for containers, which are named by their id."""

    @cached_property
    def _machine(self) -> Any:
        return testinfra.get_host("local://")

    def user(self, container: str) -> str:
        """As the container was told to run: a number, usually with its group (`10001:10001`)."""
        return str(self._inspected(container)["Config"]["User"]) or "root"

    def commands(self, container: str) -> tuple[str, ...]:
        with _asking(container):
            answer = self._machine.run("docker top %s -eo pid,comm", container)
            if answer.rc:
                raise RuntimeError(answer.stderr.strip())
        return tuple(line.split(None, 1)[1].strip() for line in answer.stdout.splitlines()[1:])

    def sockets(self, container: str) -> tuple[str, ...]:
        """TCP addresses on which anything in the container listens, sorted."""
        found = (_address(line.split()) for line in self._tables(container).splitlines())
        return tuple(sorted({one for one in found if one and not one.startswith(f"{DOCKER_DNS}:")}))

    def environment(self, container: str) -> Mapping[str, str]:
        env = self._inspected(container)["Config"]["Env"] or []
        return dict(one.partition("=")[::2] for one in env)

    def _inspected(self, container: str) -> Any:
        with _asking(container):
            return self._machine.docker(container).inspect()

    def _tables(self, container: str) -> str:
        """The kernel's tables of TCP sockets, read inside; from this machine where there is no `cat` inside."""
        with _asking(container):
            inside = testinfra.get_host(f"docker://{container}")
            answer = inside.run("cat /proc/net/tcp /proc/net/tcp6")
            if answer.stdout.strip():
                return str(answer.stdout)
        pid = self._inspected(container)["State"]["Pid"]
        try:
            return "".join(Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6"))
        except OSError as error:
            raise EnvironmentMissing(
                f"the sockets of container {container[:12]} cannot be seen: {error.strerror}",
                "use an image with `cat`, or run as root",
            ) from error


def _address(row: list[str]) -> str | None:
    """`host:port` of a listening row of /proc/net/tcp or tcp6; None of any other."""
    if len(row) < 4 or row[3] != LISTENS or ":" not in row[1]:
        return None
    host, _, port = row[1].partition(":")
    number = int(port, 16)
    if len(host) == 8:  # four bytes, the last one first
        return f"{'.'.join(str(byte) for byte in reversed(bytes.fromhex(host)))}:{number}"
    import ipaddress

    words = b"".join(bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, 32, 8))
    return f"[{ipaddress.IPv6Address(words)}]:{number}"


@contextmanager
def _asking(container: str) -> Iterator[None]:
    """testinfra raises these for what is not there."""
    try:
        yield
    except (RuntimeError, ValueError, AssertionError, KeyError, IndexError) as wrong:
        raise EnvironmentMissing(
            f"container {container[:12]} cannot be looked at: {wrong}", "see that it is there"
        ) from wrong

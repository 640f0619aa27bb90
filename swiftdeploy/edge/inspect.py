"""This machine as testinfra sees it; psutil for what that cannot say of a process: sockets, environment, children."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil
import testinfra

from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.scenario.effects import FileFacts

MOST_BYTES = 1024 * 1024


class Machine:
    """Fulfils scenario.effects.Inspect on the local backend."""

    def __init__(self) -> None:
        self._host: Any = testinfra.get_host("local://")

    def user(self, pid: int) -> str:
        with _asking(f"process {pid}"):
            return str(self._host.process.get(pid=pid).user)

    def commands(self, pid: int) -> tuple[str, ...]:
        """Command names of the process and all below it."""
        wanted = {one.pid for one in _tree(pid)}
        with _asking(f"process {pid}"):
            return tuple(str(one.comm) for one in self._host.process.filter() if one.pid in wanted)

    def sockets(self, pid: int) -> tuple[str, ...]:
        """TCP addresses on which the process and all below it listen, sorted."""
        with _asking(f"process {pid}"):
            found = {
                f"[{one.laddr.ip}]:{one.laddr.port}" if ":" in one.laddr.ip else f"{one.laddr.ip}:{one.laddr.port}"
                for process in _tree(pid)
                for one in process.net_connections("tcp")
                if one.status == psutil.CONN_LISTEN
            }
        return tuple(sorted(found))

    def environment(self, pid: int) -> Mapping[str, str]:
        with _asking(f"process {pid}"):
            return psutil.Process(pid).environ()

    def listens(self, socket: str) -> bool:
        with _asking(f"socket {socket}"):
            return bool(self._host.socket(socket).is_listening)

    def file(self, path: str) -> FileFacts:
        """What a path is; content only of regular files up to 1 MiB."""
        with _asking(path):
            found = self._host.file(path)
            if not found.exists:
                return FileFacts("")
            kind = "file" if found.is_file else "directory" if found.is_directory else "other"
            content = found.content.decode("utf-8", "replace") if kind == "file" and found.size <= MOST_BYTES else ""
            return FileFacts(kind, f"{found.mode:04o}", str(found.user), int(found.size), content)


def _tree(pid: int) -> tuple[psutil.Process, ...]:
    with _asking(f"process {pid}"):
        top = psutil.Process(pid)
        return (top, *top.children(recursive=True))


@contextmanager
def _asking(about: str) -> Iterator[None]:
    """testinfra raises ValueError for a missing tool (`ps`, `ss`) and RuntimeError for what it cannot find."""
    try:
        yield
    except (RuntimeError, ValueError, psutil.Error) as wrong:
        raise EnvironmentMissing(
            f"{about} cannot be looked at: {wrong}", "`host` needs the programs ps and ss (procps, iproute2)"
        ) from wrong

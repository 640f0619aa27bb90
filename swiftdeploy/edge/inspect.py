"""This machine as testinfra sees it; psutil for what that cannot say (sockets, environment and children of a process),
and where a machine lacks the programs that it asks (ps, ss)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psutil
import testinfra

from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.scenario.effects import FileFacts

MOST_BYTES = 1024 * 1024
Answer = TypeVar("Answer")


class Machine:
    """Fulfils scenario.effects.Inspect on the local backend."""

    def __init__(self) -> None:
        self._host: Any = testinfra.get_host("local://")

    def user(self, pid: int) -> str:
        with _asking(f"process {pid}"):
            return _told(lambda: str(self._host.process.get(pid=pid).user), psutil.Process(pid).username)

    def commands(self, pid: int) -> tuple[str, ...]:
        """Command names of the process and all below it."""
        wanted = {one.pid for one in _tree(pid)}
        with _asking(f"process {pid}"):
            return _told(
                lambda: tuple(str(one.comm) for one in self._host.process.filter() if one.pid in wanted),
                lambda: tuple(one.name() for one in _tree(pid)),
            )

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
            return _told(lambda: any(map(self._is_listening, _meant(socket))), lambda: _listens(socket))

    def _is_listening(self, socket: str) -> bool:
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


def _told(by_testinfra: Callable[[], Answer], by_psutil: Callable[[], Answer]) -> Answer:
    """testinfra asks ps, ss and readlink, which a slim machine lacks: it says so with one of these three."""
    try:
        return by_testinfra()
    except (RuntimeError, ValueError, AssertionError):
        return by_psutil()


def _meant(socket: str) -> tuple[str, ...]:
    """Who listens on every IPv4 address listens on this one too, which testinfra does not say."""
    scheme, _, place = socket.partition("://")
    host, _, port = place.rpartition(":")
    return (socket, f"{scheme}://0.0.0.0:{port}") if "." in host else (socket,)


def _listens(socket: str) -> bool:
    """For `tcp://127.0.0.1:8080`, `tcp://8080`; an address of all zeros stands for every address."""
    parts = urlsplit(socket)
    host, port = (parts.hostname, parts.port) if ":" in parts.netloc else (None, int(parts.netloc))
    return any(
        one.status == psutil.CONN_LISTEN
        and one.laddr
        and one.laddr.port == port
        and (host is None or one.laddr.ip in (host, "0.0.0.0", "::"))
        for one in psutil.net_connections(parts.scheme)
    )


def _tree(pid: int) -> tuple[psutil.Process, ...]:
    with _asking(f"process {pid}"):
        top = psutil.Process(pid)
        return (top, *top.children(recursive=True))


@contextmanager
def _asking(about: str) -> Iterator[None]:
    """testinfra raises ValueError for a missing tool and RuntimeError or AssertionError for what it cannot find."""
    try:
        yield
    except (RuntimeError, ValueError, AssertionError, psutil.Error) as wrong:
        raise EnvironmentMissing(f"{about} cannot be looked at: {wrong}", "see that it is there") from wrong

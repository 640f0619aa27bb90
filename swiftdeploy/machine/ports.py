"""Fresh loopback ports, claimed with files that all projects of this user share (`bind(0)` and closing it races)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from swiftdeploy.model.errors import EnvironmentMissing

COUNT = 12_000
LOWEST = 10_000


def claim(root: Path, marker: Path) -> int:
    """A free port below the ephemeral range, not used by anyone of us soon before.

    The claim holds while this process lives or `marker` exists (the record of whatever uses the port).
    Raises EnvironmentMissing when none is left.
    """
    from swiftdeploy.machine import owners

    first, last = _range()
    with _locked() as (folder, lock):
        taken = _living(folder)
        start = _next(lock, first, last)
        for step in range(last - first + 1):
            port = first + (start - first + step) % (last - first + 1)
            if port not in taken and free("127.0.0.1", port):
                pid, born = owners.me()
                text = json.dumps({"root": str(root), "marker": str(marker), "pid": pid, "born": born})
                (folder / str(port)).write_text(text)
                os.pwrite(lock, f"{port:5d}".encode(), 0)
                return port
    raise EnvironmentMissing(f"no port from {first} to {last} is free on 127.0.0.1", "stop what holds them")


def release(port: int, root: Path) -> None:
    """Give a port back; fine when it is not this project's."""
    if _folder().is_dir():
        with _locked() as (folder, _lock):
            if (_read(folder / str(port)) or {}).get("root") == str(root):
                (folder / str(port)).unlink(missing_ok=True)


def release_all(root: Path) -> None:
    """Give back all ports of a project."""
    if _folder().is_dir():
        with _locked() as (folder, _lock):
            for path in _claims(folder):
                if (_read(path) or {}).get("root") == str(root):
                    path.unlink(missing_ok=True)


def free(address: str, port: int) -> bool:
    """Whether a listener could bind there now; raises EnvironmentMissing when this user or machine may not at all."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as nginx: closed connections do not count
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise EnvironmentMissing(
                f"cannot listen on {address}:{port}: {os.strerror(error.errno or 0)}",
                "choose another nginx.port (1024 or more needs no privilege) or nginx.bind",
            ) from error
    return True


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"swiftdeploy-ports-{os.getuid()}"


@contextlib.contextmanager
def _locked() -> Iterator[tuple[Path, int]]:
    """The folder and its lock file, which also holds the port claimed last. Both are removed with the last claim."""
    folder = _folder()
    lock = _lock(folder)
    try:
        yield folder, lock
        if not _claims(folder):
            (folder / "lock").unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
    finally:
        os.close(lock)


def _lock(folder: Path) -> int:
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid():
            raise EnvironmentMissing(f"{folder} belongs to another user", "remove it, or set TMPDIR")
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_at(lock, folder / "lock"):
                return lock
            os.close(lock)


def _is_at(opened: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened), path.stat())
    except FileNotFoundError:
        return False  # the one who held it before removed it with the last claim


def _next(lock: int, first: int, last: int) -> int:
    """One beyond the last claim; a random start, so that a new folder does not repeat what an old one gave."""
    text = os.pread(lock, 5, 0).strip()
    port = int(text) + 1 if text.isdigit() else random.randint(first, last)
    return port if first <= port <= last else first


def _claims(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.isdigit()]


def _living(folder: Path) -> set[int]:
    """Ports whose claim holds; stale claims are removed."""
    from swiftdeploy.machine import owners

    living = set()
    for path in _claims(folder):
        found = _read(path)
        if found and (
            os.path.lexists(str(found.get("marker"))) or owners.owner_lives(int(found["pid"]), float(found["born"]))
        ):
            living.add(int(path.name))
        else:
            path.unlink(missing_ok=True)
    return living


def _read(path: Path) -> dict[str, str] | None:
    try:
        found = json.loads(path.read_text())
        return found if isinstance(found, dict) and {"root", "marker", "pid", "born"} <= found.keys() else None
    except (OSError, ValueError):
        return None


def _range() -> tuple[int, int]:
    """Ports below those that the kernel hands out by itself (32768 on Linux, 49152 elsewhere)."""
    try:
        ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        ephemeral = 49_152
    last = ephemeral - 1 if ephemeral > LOWEST + 1000 else 32_767
    return max(LOWEST, last - COUNT + 1), last

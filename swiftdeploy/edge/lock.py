"""The command lock: one changing command at a time in a project, and everybody can see which.

The truth is the kernel's lock on the file, which ends with its holder however that dies; the text in the file only
says who it is. flock directly and not filelock, whose import takes 50 ms of every command.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from swiftdeploy.model.errors import Busy, EnvironmentMissing

_TRIES = 10  # times 10 ms: a reader that looks who holds the lock touches it for microseconds
_PAUSE_SECONDS = 0.01
_ORPHANS_SECONDS = 30.0


@dataclass(frozen=True)
class Holder:
    """Who holds the lock. `pid` is 0 when it has not said so yet."""

    pid: int
    verb: str
    age_seconds: float

    def __str__(self) -> str:
        if not self.pid:
            return "another command is running"
        return f"pid {self.pid} is running '{self.verb}' since {self.age_seconds:.0f} s"


class CommandLock:
    """Call it with the verb for a context manager that holds the lock; raises Busy at once when another command does,
    and EnvironmentMissing when the file cannot be made.

    Programs that a command starts to change the stack (`docker compose up`) inherit the lock: when the command is
    killed they go on for a moment, and nobody may repair before they are done. That moment is waited for.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def __call__(self, verb: str) -> Iterator[None]:
        fd = self._take()
        try:
            _write(fd, json.dumps({"pid": os.getpid(), "verb": verb, "since": time.time()}))
            yield
        finally:
            with contextlib.suppress(OSError):
                _write(fd, "")
            os.close(fd)

    def _take(self) -> int:
        tries = _TRIES
        end = time.monotonic() + _ORPHANS_SECONDS
        while tries > 0:
            fd = _open(self._path)
            if _locked(fd, fcntl.LOCK_EX) and _is_at(fd, self._path):
                os.set_inheritable(fd, True)
                return fd
            os.close(fd)  # held by another, or removed with the state folder between open and lock
            time.sleep(_PAUSE_SECONDS)
            if not (_is_orphaned(holder(self._path)) and time.monotonic() < end):
                tries -= 1
        who = holder(self._path) or Holder(0, "", 0.0)
        stop = f" or stop it with `kill {who.pid}`" if who.pid else ""
        raise Busy(str(who), f"wait until it is done{stop}")


def holder(path: Path) -> Holder | None:
    """Who holds the lock now; None when nobody does. What a dead command left in the file counts for nothing."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return None if _locked(fd, fcntl.LOCK_SH) else _said(os.pread(fd, 4096, 0))
    finally:
        os.close(fd)


def _is_orphaned(who: Holder | None) -> bool:
    """Whether the command that took the lock is gone, and only what it started still holds it."""
    if who is None or not who.pid:
        return False
    try:
        os.kill(who.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _said(text: bytes) -> Holder:
    try:
        said = json.loads(text)
        return Holder(int(said["pid"]), str(said["verb"]), max(0.0, time.time() - float(said["since"])))
    except (ValueError, TypeError, KeyError):
        return Holder(0, "", 0.0)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)  # never the project folder itself
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise EnvironmentMissing(
            f"{path} cannot be opened: {error.strerror}", "run as the user who owns the project folder"
        ) from error


def _locked(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def _write(fd: int, text: str) -> None:
    os.ftruncate(fd, 0)
    os.pwrite(fd, text.encode(), 0)

"""nginx's master and workers, as the process table shows them. From /proc where there is one: the import of psutil
takes longer than the question, and this is asked at every switch."""

from __future__ import annotations

import os
from pathlib import Path

from swiftdeploy.engines.local.places import Places

PROC = Path("/proc/self").exists()


def master(places: Places) -> int | None:
    """Pid of this project's living nginx master: the one in its pid file, when it works in the folder that only our
    nginx works in."""
    try:
        pid = int((places.proxy / "nginx.pid").read_text())
    except (OSError, ValueError):
        return None
    return pid if _works_in(pid, str(places.proxy)) else None


def children(pid: int) -> frozenset[int]:
    """Pids of the workers, old ones included."""
    try:
        return frozenset(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return _children(pid)


def accepting(pid: int) -> frozenset[int]:
    """Workers that still take new connections: all but those titled `worker process is shutting down`."""
    return frozenset(one for one in children(pid) if "shutting down" not in _title(one))


def _works_in(pid: int, folder: str) -> bool:
    if PROC:
        try:
            return os.readlink(f"/proc/{pid}/cwd") == folder and _state(pid) != "Z"
        except OSError:
            return False
    import psutil

    try:
        return psutil.Process(pid).cwd() == folder
    except psutil.Error:
        return False


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _children(pid: int) -> frozenset[int]:
    import psutil

    try:
        return frozenset(one.pid for one in psutil.Process(pid).children())
    except psutil.Error:
        return frozenset()


def _title(pid: int) -> str:
    """A worker that is gone meanwhile accepts nothing either."""
    if PROC:
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace") or "shutting down"
        except OSError:
            return "shutting down"
    import psutil

    try:
        return " ".join(psutil.Process(pid).cmdline()) or "shutting down"
    except psutil.Error:
        return "shutting down"

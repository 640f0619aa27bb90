"""Whether a process that something was started for still lives, known by its pid and creation time."""

from __future__ import annotations

import os

import psutil


def lives(one: psutil.Process) -> bool:
    try:
        return one.is_running() and one.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def owner_lives(pid: int, born: float) -> bool:
    """Whether the process with that pid and creation time (seconds since the epoch) still runs."""
    try:
        one = psutil.Process(pid)
        # two decimals: Linux counts in ticks of 10 ms, and psutil's own rounding has changed between versions
        return abs(one.create_time() - born) < 0.02 and lives(one)
    except psutil.Error:
        return False


def me() -> tuple[int, float]:
    """Pid and creation time of this process."""
    return os.getpid(), psutil.Process().create_time()

"""Processes of this project, found by the mark in their environment, and ended by pid and creation time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

from swiftdeploy.engines.local.places import Places
from swiftdeploy.machine.owners import lives

ROOT_MARK = "SWIFTDEPLOY_ROOT"
INSTANCE_MARK = "SWIFTDEPLOY_INSTANCE"


def marked(places: Places, instance: str | None = None) -> tuple[psutil.Process, ...]:
    """All living processes of this project (or of one instance of it) but this one and those above it."""
    spared = {os.getpid(), *(one.pid for one in psutil.Process().parents())}
    return tuple(one for one in psutil.process_iter() if one.pid not in spared and belongs(one, places, instance))


def belongs(one: psutil.Process, places: Places, instance: str | None = None) -> bool:
    """Whether a process is of this project (or of one instance of it)."""
    try:
        if one.status() == psutil.STATUS_ZOMBIE:
            return False
        found = one.environ()
        if found.get(ROOT_MARK) == str(places.root):
            return instance is None or found.get(INSTANCE_MARK) == instance
        # nginx writes its title over its environment; its working folder is one that nothing else uses
        return instance is None and one.cwd().removesuffix(" (deleted)") == str(places.proxy)
    except (psutil.Error, OSError):
        return False


def end(found: Iterable[psutil.Process], grace_seconds: float) -> None:
    """SIGTERM, wait up to `grace_seconds`, SIGKILL; SIGCONT too, for those that were stopped. psutil checks the
    creation time before each signal, so a reused pid is never hit."""
    living = list(found)
    for one in living:
        with suppress(psutil.Error):
            one.terminate()
            one.resume()
    living = wait(living, grace_seconds)
    for one in living:
        with suppress(psutil.Error):
            one.kill()
    wait(living, 2.0)


def wait(found: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still live after `seconds`; a zombie counts as gone (nobody may be there to reap it)."""
    limit = time.monotonic() + seconds
    living = [one for one in found if lives(one)]
    while living and time.monotonic() < limit:
        time.sleep(0.005)
        living = [one for one in living if lives(one)]
    return living


def is_suspended(places: Places, instance: str) -> bool:
    """Whether a process of the instance was stopped by a signal, so that it answers nobody until it is continued."""
    for one in marked(places, instance):
        with suppress(psutil.Error):
            if one.status() == psutil.STATUS_STOPPED:
                return True
    return False


def clients(port: int) -> int | None:
    """How many connections to a TCP port of this machine have a client that still waits; None when that cannot be
    seen."""
    try:
        found = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows them to root only
        return None
    return sum(1 for one in found if one.status == psutil.CONN_ESTABLISHED and one.laddr and one.laddr.port == port)


def end_group(pgid: int, grace_seconds: float) -> None:
    """End what is left of a dead leader's process group: SIGTERM, wait, SIGKILL."""
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 2.0)):
        if not _signal_group(pgid, number):
            return
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if not _group_lives(pgid):
                return
            time.sleep(0.01)


def _signal_group(pgid: int, number: int) -> bool:
    try:
        os.killpg(pgid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _group_lives(pgid: int) -> bool:
    """Whether a process of the group lives that is no zombie."""
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):
            if os.getpgid(pid) == pgid and lives(psutil.Process(pid)):
                return True
    return False

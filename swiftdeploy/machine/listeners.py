"""Who listens on a TCP port of this machine."""

from __future__ import annotations

from contextlib import suppress

import psutil


def listener(port: int) -> psutil.Process | int | None:
    """Who listens on a TCP port: a process, 0 when nobody, None when it is not ours to see."""
    try:
        found = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows them to root only
        return None
    for one in found:
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port:
            if one.pid is None:
                return None
            with suppress(psutil.Error):
                return psutil.Process(one.pid)
    return 0


def name(one: psutil.Process) -> str:
    try:
        return one.name()
    except psutil.Error:
        return "gone meanwhile"

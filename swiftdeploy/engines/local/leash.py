"""End the stack when the process that leased it is gone: `python -P -m swiftdeploy.engines.local.leash ROOT PID BORN`.

Runs under the same supervisord. Neither SIGKILL of a test run nor a cancelled CI job leaves anything behind.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from swiftdeploy.engines.local import places, sweep
from swiftdeploy.engines.local.places import Places
from swiftdeploy.engines.local.programs import LEASH, Program
from swiftdeploy.engines.local.supervisor import python_path, variables
from swiftdeploy.machine import owners

POLL_SECONDS = 0.25
GRACE_SECONDS = 0.8


def program(found: Places, pid: int, born: float) -> Program:
    """The leash to a process, by its pid and creation time (seconds since the epoch)."""
    argv = (sys.executable, "-P", "-m", "swiftdeploy.engines.local.leash", str(found.root), str(pid), repr(born))
    return Program(LEASH, sys.executable, argv, variables({"PYTHONPATH": python_path()}, found), "/")


def watch(root: Path, pid: int, born: float) -> None:
    """Returns in a process of its own once the owner is gone and so is the stack."""
    while owners.owner_lives(pid, born):
        time.sleep(POLL_SECONDS)
    if os.fork():
        signal.pause()  # supervisord ends this one; the other half outlives supervisord
    os.setsid()
    sweep.everything(places.of(root), GRACE_SECONDS)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))

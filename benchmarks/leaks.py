"""What is left of a stack after its end: processes, listening ports and files, and how soon they are gone.

A scenario run is killed in the middle (SIGKILL; Ctrl-C twice), and a project is torn down.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL

import psutil

from swiftdeploy.edge import bundled
from swiftdeploy.edge.scaffold import SHARED, scaffold

GOAL_SECONDS = 3.0
LIMIT_SECONDS = 15.0
SCENARIO = """\
scenario: a-long-one
steps:
  - deploy: {}
  - load: {id: users, rps: 50, background: true}
  - promote: {to: canary, weight: 50}
  - wait: 60s
"""


def main() -> int:
    ends: dict[str, Callable[[subprocess.Popen[bytes]], None]] = {
        "SIGKILL of pytest": lambda run: run.kill(),
        "Ctrl-C twice": _ctrl_c_twice,
    }
    missed = 0
    for name, end in ends.items():
        seconds, left = _interrupted(end)
        missed += bool(left) or seconds > GOAL_SECONDS
        print(f"after {name}: {left or 'nothing'} left after {seconds:.1f} s (goal: nothing after {GOAL_SECONDS:g} s)")
    return 1 if missed else 0


def _interrupted(end: Callable[[subprocess.Popen[bytes]], None]) -> tuple[float, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        root, temp = Path(folder) / "shop", Path(folder) / "tmp"
        temp.mkdir()
        scaffold("hello", root, {name: bundled.folder(name) for name in (*SHARED, "examples", "scenarios")})
        (root / "scenarios" / "long.yaml").write_text(SCENARIO)
        argv = (sys.executable, "-m", "pytest", "-q", "scenarios/long.yaml")
        env = {**os.environ, "TMPDIR": str(temp)}
        with subprocess.Popen(argv, cwd=root, env=env, start_new_session=True, stdout=DEVNULL, stderr=DEVNULL) as run:
            _until(lambda: len(_stack(temp)) >= 6)  # supervisord, leash, nginx with its workers, two instances
            time.sleep(1.0)
            end(run)
            begun = time.monotonic()
            run.wait()
        _until(lambda: not _left(temp))
        return time.monotonic() - begun, _left(temp)


def _ctrl_c_twice(run: subprocess.Popen[bytes]) -> None:
    for _ in range(2):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGINT)
        time.sleep(0.2)


def _until(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT_SECONDS
    while not done() and time.monotonic() < limit:
        time.sleep(0.05)


def _stack(temp: Path) -> list[psutil.Process]:
    """Processes of stacks below the folder, by the mark in their environment."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one.environ().get("SWIFTDEPLOY_ROOT", "").startswith(str(temp.resolve())):
                found.append(one)
    return found


def _left(temp: Path) -> list[str]:
    """Processes with what they listen on, and the temporary files of the engine, in words."""
    processes = [f"pid {one.pid}" for one in _stack(temp)]
    return processes + [f"{one.name}" for one in temp.glob("swiftdeploy-*")]


if __name__ == "__main__":
    sys.exit(main())

"""Whatever ends pytest, no stack outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

LONG = "scenario: long\nsteps: [{deploy: {}}, {wait: 60s}]\n"


def living(root):
    """Processes that run for a scenario below `root`, by what their environment says."""
    found = []
    for one in psutil.process_iter():
        try:
            told = one.environ().values()
        except (psutil.Error, OSError):
            continue
        if one.status() != psutil.STATUS_ZOMBIE and any(
            str(root) in value and "/swiftdeploy-" in value for value in told
        ):
            found.append(one.pid)
    return found


def wait_for(wanted, seconds):
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "signals",
    [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,), (signal.SIGKILL,)],
    ids=["ctrl-c-twice", "sigterm", "sigkill"],
)
def test_no_process_outlives_pytest(stage, signals):
    stage.write("scenarios/long.yaml", LONG)
    base = stage.root / "base"
    argv = (sys.executable, "-m", "pytest", "--swiftdeploy-engine=local", f"--basetemp={base}", "-q", "scenarios")
    run = subprocess.Popen(argv, cwd=stage.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: any('"finished"' in one.read_text() for one in base.glob("*/history.jsonl")), 30)
        assert living(base)
        for number in signals:
            os.kill(run.pid, number)
            time.sleep(0.1)
        run.wait(20)
        wait_for(lambda: not living(base), 10)
    finally:
        run.kill()
        run.wait()
    if signals != (signal.SIGKILL,):
        assert list(base.glob("swiftdeploy-*")) == []

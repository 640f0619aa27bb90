"""Whatever ends pytest, no container, network, volume or kept image of its scenarios is there after the next run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dockerd
import pytest
import yaml

pytestmark = pytest.mark.docker
LONG = "scenario: long\nsteps: [{deploy: {}}, {wait: 100s}]\n"
SHORT = "scenario: short\nsteps: [{run: ['true']}]\n"  # starts no container, and sweeps like every other
pytestmark = pytest.mark.docker


@pytest.fixture(autouse=True)
def daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    dockerd.require()
    monkeypatch.setenv("DOCKER_CONFIG", dockerd.CONFIG)


class Run:
    """A run of one scenario in a process of its own, and what it has on the daemon once it has deployed."""

    def __init__(self, stage, scenario: str) -> None:
        self.base = stage.root / f"base-{time.monotonic_ns()}"
        stage.write(f"scenarios/{scenario.split()[1]}.yaml", scenario)
        argv = (sys.executable, "-m", "pytest", "--swiftdeploy-engine=docker", f"--basetemp={self.base}", "-q",
                "-p", "no:cacheprovider", f"scenarios/{scenario.split()[1]}.yaml")  # fmt: skip
        self.process = subprocess.Popen(argv, cwd=stage.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def deployed(self) -> Run:
        end = time.monotonic() + 60
        while not any('"finished"' in one.read_text() for one in self.base.glob("*/history.jsonl")):
            assert time.monotonic() < end, "it did not deploy in time"
            assert self.process.poll() is None, self.process.communicate()[0].decode()
            time.sleep(0.05)
        (self.root,) = self.base.glob("swiftdeploy-*")
        self.network = str(yaml.safe_load((self.root / "manifest.yaml").read_text())["network"]["name"])
        return self

    def left(self) -> list[str]:
        return dockerd.left(self.root, self.network)


@pytest.fixture
def runs(stage) -> Iterator:
    made: list[Run] = []

    def run(scenario: str) -> Run:
        made.append(Run(stage, scenario))
        return made[-1]

    yield run
    for one in made:
        one.process.kill()
        one.process.communicate()


def finished(run: Run) -> None:
    said = run.process.communicate(timeout=60)[0].decode()
    assert run.process.returncode == 0, said


def test_the_next_run_removes_what_a_killed_one_left_and_nothing_of_a_living_one(runs) -> None:
    killed = runs(LONG).deployed()
    assert len(killed.left()) == 3 + 2 + 1 + 2  # containers, networks, a volume, the built and the kept image
    finished(runs(SHORT))
    assert len(killed.left()) == 8  # it lives
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    assert len(killed.left()) == 8
    finished(runs(SHORT))
    assert killed.left() == []


@pytest.mark.parametrize(
    "signals",
    [
        pytest.param((signal.SIGINT, signal.SIGINT), id="ctrl-c-twice"),
        pytest.param((signal.SIGTERM,), id="sigterm", marks=dockerd.LONG),
    ],
)
def test_an_interrupted_run_leaves_nothing(runs, signals: tuple[signal.Signals, ...]) -> None:
    run = runs(LONG).deployed()
    for number in signals:
        os.kill(run.process.pid, number)
        time.sleep(0.1)
    run.process.communicate(timeout=40)
    assert run.left() == []
    assert not Path(run.root).exists()

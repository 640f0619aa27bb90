"""The commands as a user runs them: seconds to switch verified, drain, and requests lost in 20 promotes under load.

Each command is a process of its own. Its `--json` answer gives the ends of its phases; how long the interpreter took
before is what the journal's timestamp of the commit leaves over. `commands.py [local|docker] [PROMOTES]`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import image
from client import Client

from swiftdeploy.edge import bundled
from swiftdeploy.machine import ports
from swiftdeploy.model.state import EngineName

MANIFEST = """\
services:
  image: swiftdeploy-bench/slow:1
  log_volume: {name}-logs
  port: 8000
  version: "1"
  command: ["{{python}}", "-S", "app_slow.py"]
nginx: {{image: "nginx:1.31.3", port: {port}, admin_port: {admin_port}}}
opa: {{image: openpolicyagent/opa:1.22.2-static, port: {opa_port}}}
network: {{name: {name}, driver_type: bridge}}
canary: {{weight: 50, window: 3s, probe: {{path: /, requests: 120, rps: 240}}}}
"""


@dataclass(frozen=True)
class Goal:
    """Seconds: to committed, to verified less the probe, to verified, until the old instance may stop."""

    deploy: float
    promote: float
    rollback: float
    drain: float


# on Docker a drain waits for old workers, whose idle clients have 10 s (docs/docker.md)
GOALS: dict[EngineName, Goal] = {"local": Goal(2, 1, 0.6, 2), "docker": Goal(4, 3, 1.5, 12)}


@dataclass(frozen=True)
class Ran:
    """One command: its answer, and the seconds from before its process began to its commit."""

    committed: float
    answer: dict[str, Any]

    def until(self, phase: str) -> float:
        """Seconds from before the process began to the end of a phase."""
        return self.committed - self.between(phase, "record-commit")

    def between(self, first: str, last: str) -> float:
        return float(self.answer["seconds"][last] - self.answer["seconds"][first])

    def switch_without_probe(self) -> float:
        """To switch verified, without the time of measuring."""
        measured = self.between("ready", "measure") if "measure" in self.answer["seconds"] else 0.0
        return self.until("verify") - measured


class Project:
    """A project whose app takes as long as `?s=` says."""

    def __init__(self, root: Path, engine: EngineName) -> None:
        self.root, self.engine = root, engine
        shutil.copy(Path(__file__).with_name("app_slow.py"), root)
        shutil.copytree(bundled.folder("policies"), root / "policies")
        data = root / "policies" / "data.json"  # the load that a benchmark makes is not what it judges
        limits = json.loads(data.read_text())
        limits["thresholds"] |= {"max_cpu_load_per_cpu": 1000.0, "max_p99_latency_ms": 5000.0}
        data.write_text(json.dumps(limits))
        self.port, admin, opa = (ports.claim(root, root) for _ in range(3))
        text = MANIFEST.format(port=self.port, admin_port=admin, opa_port=opa, name=f"bench-{self.port}")
        (root / "manifest.yaml").write_text(text)
        if engine == "docker":
            image.build()

    def run(self, *words: str) -> Ran:
        begun = datetime.now(UTC)
        argv = (sys.executable, "-m", "swiftdeploy", *words, "--json", "--engine", self.engine)
        done = subprocess.run(argv, cwd=self.root, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise SystemExit(f"{words}: exit {done.returncode}\n{done.stderr}")
        return Ran((self._last_commit() - begun).total_seconds(), json.loads(done.stdout))

    def bare(self) -> float:
        """Seconds that Compose by itself takes to have the rendered file healthy; all of it is removed again."""
        subprocess.run((sys.executable, "-m", "swiftdeploy", "init"), cwd=self.root, capture_output=True, check=True)
        begun = time.monotonic()
        for words in (("up", "-d", "--wait"), ("down", "-v", "-t", "1")):
            subprocess.run(("docker", "compose", *words), cwd=self.root, capture_output=True, timeout=120, check=True)
            begun = begun if words[0] == "down" else time.monotonic() - begun
        return begun

    def _last_commit(self) -> datetime:
        """When the journal's last commit was written."""
        lines = (self.root / "history.jsonl").read_text().splitlines()
        entries = (json.loads(line) for line in reversed(lines))
        return datetime.fromisoformat(next(one["timestamp"] for one in entries if "state" in one))

    def release(self, version: int) -> None:
        path = self.root / "manifest.yaml"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(f'  version: "{version}"\n' if "version:" in one else one for one in lines))


@contextlib.contextmanager
def project(engine: EngineName) -> Iterator[Project]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        made = Project(root, engine)
        try:
            yield made
        finally:
            made.run("teardown", "--clean")
            ports.release_all(root)


def quiet(engine: EngineName, rounds: int = 5) -> list[str]:
    """Without load."""
    goal = GOALS[engine]
    helps, deploys, canaries, stables, backs, bare = [], [], [], [], [], []
    for _ in range(rounds):
        begun = time.monotonic()
        subprocess.run((sys.executable, "-m", "swiftdeploy", "--help"), capture_output=True, check=True)
        helps.append(time.monotonic() - begun)
        with project(engine) as here:
            if engine == "docker":
                bare.append(here.bare())
            deploys.append(here.run("deploy").until("record-commit"))
            here.release(2)
            canaries.append(here.run("promote", "canary").switch_without_probe())
            backs.append(here.run("rollback").until("verify"))
            here.run("promote", "canary")
            stables.append(here.run("promote", "stable").switch_without_probe())
    lines = [
        f"--help, wall: {median(helps):.2f} s (goal 0.25)",
        f"deploy, cold, to committed: {_seconds(deploys, goal.deploy)}",
        f"promote canary, to verified, less the probe: {_seconds(canaries, goal.promote)}",
        f"promote stable, to verified, less the probe: {_seconds(stables, goal.promote)}",
        f"rollback to the warm stable track, to verified: {_seconds(backs, goal.rollback)}",
    ]
    if bare:
        ratio = median(deploys) / median(bare)
        lines.append(
            f"deploy against bare `docker compose up --wait` ({median(bare):.2f} s): {ratio:.2f} times (goal 1.25)"
        )
    return lines


def _seconds(found: list[float], goal: float) -> str:
    return f"{median(found):.2f} s, worst {max(found):.2f} (goal {goal:g})"


def loaded(engine: EngineName, promotes: int) -> tuple[list[str], int]:
    """Promotes to and fro, every other pair a new release that becomes stable."""
    verified, drained = [], []
    with project(engine) as here:
        here.run("deploy")
        with Client(here.port, slow_path="/?s=1") as client:
            time.sleep(4)  # until the idlers idle
            for number in range(promotes // 2):
                if number % 2:
                    here.release(number + 1)
                for words in (("promote", "canary"), ("promote", "stable")):
                    ran = here.run(*words)
                    verified.append(ran.switch_without_probe())
                    if words[1] == "stable":
                        drained.append(ran.between("write", "drain"))
            time.sleep(7)  # until every idler has asked again
        lost = client.failed.total()
    lines = [
        f"{promotes} promotes under load: {client.total} requests, {lost} failed or not 2xx (goal 0)",
        f"  to switch verified, less the probe: median {median(verified):.2f} s, worst {max(verified):.2f} s",
        f"  drain with requests of up to 1 s: median {median(drained):.2f} s, worst {max(drained):.2f} s "
        f"(goal {GOALS[engine].drain:g})",
    ]
    return lines + [f"  lost at {at:.2f}: {kind}" for at, kind in client.when[:10]], lost


def main(engine: EngineName, promotes: int) -> int:
    print(f"on the {engine} engine:")
    lines, lost = loaded(engine, promotes)
    print("\n".join(quiet(engine) + lines))
    return 1 if lost else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main("docker" if "docker" in sys.argv else "local", numbers[0] if numbers else 20))

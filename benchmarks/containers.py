"""What is left on Docker of a stack after its end, the size of the sample app's image, and how long scenarios take."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from subprocess import DEVNULL

from swiftdeploy.edge import bundled
from swiftdeploy.edge.scaffold import SHARED, scaffold

ROOT = Path(__file__).parents[1]
IMAGE, GOAL_MEGABYTES = "swiftdeploy-demo:1.0.0", 130
GOAL_SECONDS = 120.0
LONG = """\
scenario: a-long-one
steps: [deploy: {}, promote: {to: canary, weight: 50}, wait: 60s]
"""
SHORT = """\
scenario: a-short-one
steps: [deploy: {}]
"""
KINDS = {"containers": ("ps", "-aq"), "networks": ("network", "ls", "-q"), "volumes": ("volume", "ls", "-q")}


def main() -> int:
    return sum((_size(), _killed(), _scenarios()))


def _size() -> bool:
    size = int(_docker("image", "inspect", "--format", "{{.Size}}", IMAGE)) / 1e6
    print(f"{IMAGE}: {size:.0f} MB (goal {GOAL_MEGABYTES})")
    return size > GOAL_MEGABYTES


def _killed() -> bool:
    """A run is killed in its middle, and the next one cleans up; both tear down what they do not lose."""
    before = _there()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "shop"
        scaffold("hello", root, {name: bundled.folder(name) for name in (*SHARED, "examples", "scenarios")})
        (root / "scenarios" / "long.yaml").write_text(LONG)
        (root / "scenarios" / "short.yaml").write_text(SHORT)
        run = _pytest(root, "scenarios/long.yaml")
        limit = time.monotonic() + 60
        while len(_there()["containers"] - before["containers"]) < 4 and time.monotonic() < limit:
            time.sleep(0.2)
        run.kill()
        run.wait()
        lost = len(_there()["containers"] - before["containers"])
        status = _pytest(root, "scenarios/short.yaml").wait()
    left = {kind: len(there - before[kind]) for kind, there in _there().items()}
    said = ", ".join(f"{count} {kind}" for kind, count in left.items())
    print(f"after SIGKILL of pytest with {lost} containers, and the next run (exit {status}): {said} left (goal 0)")
    return bool(status or lost < 4 or any(left.values()))


def _scenarios() -> bool:
    begun = time.monotonic()
    status = _pytest(ROOT, "scenarios").wait()
    seconds = time.monotonic() - begun
    print(f"pytest scenarios/ --swiftdeploy-engine docker: {seconds:.0f} s (goal {GOAL_SECONDS:g}), exit {status}")
    return bool(status) or seconds > GOAL_SECONDS


def _pytest(root: Path, what: str) -> subprocess.Popen[bytes]:
    argv = (sys.executable, "-m", "pytest", "-q", "--swiftdeploy-engine", "docker", what)
    env = {**os.environ, "PYTEST_ADDOPTS": ""}
    return subprocess.Popen(argv, cwd=root, env=env, start_new_session=True, stdout=DEVNULL, stderr=DEVNULL)


def _there() -> dict[str, set[str]]:
    return {kind: set(_docker(*words).split()) for kind, words in KINDS.items()}


def _docker(*words: str) -> str:
    return subprocess.run(("docker", *words), capture_output=True, text=True, timeout=60, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())

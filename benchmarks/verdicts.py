"""Are the gate's verdicts right? Canaries that fail their users while / is fine, and healthy ones that look odd.

Each case is played on the local engine by the real command line: a stable release, users, `promote canary`, and
`promote stable`. `python benchmarks/verdicts.py [TIMES] [CASE ...]`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from swiftdeploy.machine import ports

MANIFEST = """
services:
  image: bench/odd:1
  port: 8000
  version: "{version}"
  command: ["{{python}}", "-S", "app_odd.py"]
  env: {{KIND: {kind}}}
nginx: {{image: "nginx:1.31.3", port: {port}, admin_port: {admin_port}}}
opa: {{port: {opa_port}}}
network: {{name: bench-net, driver_type: bridge}}
canary: {{weight: 50, window: 30s}}
"""
DENIED, ALLOWED = 10, 0


@dataclass(frozen=True)
class Case:
    """`rate`: requests/s of users on the canary, to `path`. `expected`: exit of `promote stable`."""

    name: str
    stable: str
    canary: str
    rate: float
    path: str
    expected: int


CASES = (
    Case("all user requests fail, 1/s", "plain", "broken", 1, "/api", DENIED),
    Case("all user requests fail, 4/s", "plain", "broken", 4, "/api", DENIED),
    Case("all user requests fail, 20/s", "plain", "broken", 20, "/api", DENIED),
    Case("healthy, event streams of 1.5 s", "streams", "streams", 10, "/api", ALLOWED),
    Case("healthy, / behind a login", "login", "login", 10, "/api", ALLOWED),
    Case("healthy, no page at /", "rootless", "rootless", 10, "/api", ALLOWED),
    Case("healthy, two workers with 50 ms a page", "slow", "slow", 5, "/api", ALLOWED),
)


class Project:
    """A project in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copy(Path(__file__).with_name("app_odd.py"), root)
        self.port, self.admin_port, self.opa_port = (ports.claim(root, root) for _ in range(3))

    def asks(self, kind: str, version: str) -> None:
        text = MANIFEST.format(
            kind=kind, version=version, port=self.port, admin_port=self.admin_port, opa_port=self.opa_port
        )
        (self.root / "manifest.yaml").write_text(text)

    def run(self, *words: str) -> tuple[int, dict[str, object]]:
        argv = (sys.executable, "-m", "swiftdeploy", *words, "--json")
        env = {**os.environ, "SWIFTDEPLOY_ENGINE": "local"}
        done = subprocess.run(argv, cwd=self.root, env=env, capture_output=True, text=True, timeout=180, check=False)
        return done.returncode, json.loads(done.stdout or "{}")


@contextlib.contextmanager
def users(port: int, rate: float, path: str) -> Iterator[None]:
    """GETs at `rate` a second on fresh connections, until the block is left."""
    over = threading.Event()

    def ask() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            connection.getresponse().read()
            connection.close()

    def go_on() -> None:
        due = time.monotonic()
        while not over.wait(max(0.0, due - time.monotonic())):
            threading.Thread(target=ask, daemon=True).start()
            due += 1 / rate

    load = threading.Thread(target=go_on, daemon=True)
    load.start()
    try:
        yield
    finally:
        over.set()
        load.join()


def play(case: Case, project: Project, number: int) -> tuple[bool, float, str]:
    """Whether both verdicts were right, the seconds of the last one, and what was said."""
    with users(project.port, 2 * case.rate, case.path):
        project.asks(case.canary, f"2.0.{number}")
        first, said = project.run("promote", "canary", "--weight", "50")
        if first:
            return False, 0.0, f"promote canary: exit {first}: {said.get('error')}"
        begun = time.monotonic()
        second, said = project.run("promote", "stable")
        seconds = time.monotonic() - begun
    project.asks(case.stable, "1.0.0")
    project.run("rollback") if second else project.run("deploy")
    return second == case.expected, seconds, f"promote stable: exit {second}: {said.get('error', 'allowed')}"


def main(times: int, wanted: list[str]) -> int:
    wrong = 0
    for case in CASES:
        if wanted and not any(word in case.name for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            project = Project(Path(folder).resolve())
            project.asks(case.stable, "1.0.0")
            status, said = project.run("deploy", "--override", "a benchmark loads this machine")
            if status:
                raise SystemExit(f"deploy: exit {status}: {said.get('error')}")
            try:
                played = [play(case, project, number) for number in range(times)]
            finally:
                project.run("teardown")
        right = sum(good for good, _, _ in played)
        wrong += times - right
        verdict = "denied" if case.expected == DENIED else "allowed"
        slowest = max(seconds for _, seconds, _ in played)
        print(f"{case.name}: {verdict} {right} of {times}, within {slowest:.1f} s", flush=True)
        for _, _, text in [one for one in played if not one[0]][:3]:
            print(f"  {text}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main(numbers[0] if numbers else 10, [word for word in sys.argv[1:] if not word.isdigit()]))

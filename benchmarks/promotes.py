"""Twenty promotes to and fro under load: how many requests were lost (none may be), how long verify and drain took.

The load is that of the figures table: 200 requests/s, half fresh, half on 32 kept connections, 30 % POST, 3 % taking
1 s, and 60 connections that are silent for 2 to 6 s between POSTs.
`python benchmarks/promotes.py [local|docker] [SWITCHES]`.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import image
from client import Client

from swiftdeploy.edge import bundled
from swiftdeploy.engines.docker.engine import Docker
from swiftdeploy.engines.local.engine import Local
from swiftdeploy.machine import ask, ports
from swiftdeploy.model import asking, manifest
from swiftdeploy.model.manifest import Manifest
from swiftdeploy.model.state import EngineName, Instance, State, Track

MANIFEST = """
services:
  image: swiftdeploy-bench/slow:1
  port: 8000
  version: "1"
  log_volume: bench-logs
  command: ["{{python}}", "-S", "app_slow.py"]
nginx: {{image: "nginx:1.31.3", port: {port}, admin_port: {admin_port}}}
network: {{name: bench-net, driver_type: bridge}}
"""


class Stack:
    """The engine, driven as the verbs drive it."""

    def __init__(self, root: Path, name: EngineName) -> None:
        shutil.copy(Path(__file__).with_name("app_slow.py"), root)
        self.port, self.admin_port = ports.claim(root, root), ports.claim(root, root)
        self.asked: Manifest = manifest.parse(MANIFEST.format(port=self.port, admin_port=self.admin_port))
        texts = {path.name: path.read_text() for path in bundled.folder("templates").glob("*.tmpl")}
        self.engine = Docker(root, lambda: texts) if name == "docker" else Local(root, lambda: texts, None)
        if name == "docker":
            image.build()
        self.state = State(name, settings=asking.settings(self.asked, name))
        self.verified: list[float] = []
        self.drained: list[float] = []
        self.engine.open(asking.settings(self.asked, name))

    def new(self, track: Track) -> Instance:
        """A ready instance of the next generation."""
        one = Instance(f"{track}-{self.state.generation + 1}", track, self.engine.release(self.asked))
        self.engine.start(one, self.asked)
        _wait(lambda: _unready(self.engine, one))
        return one

    def switch(self, weight: int, *instances: Instance) -> None:
        """All traffic to those instances; what is left over is drained and stopped."""
        old = tuple(one.id for one in self.state.instances if one not in instances)
        generation = self.state.generation + 1
        self.state = replace(self.state, generation=generation, instances=instances, weight=weight)
        begun = time.monotonic()
        self.engine.route(self.state)
        _wait(lambda: self.engine.unrouted(self.state))
        self.verified.append(time.monotonic() - begun)
        if old:
            begun = time.monotonic()
            _wait(lambda: self.engine.busy(old))
            self.drained.append(time.monotonic() - begun)
        for name in old:
            self.engine.stop(name, 10.0)


def _unready(engine: Local | Docker, one: Instance) -> str | None:
    if dead := engine.ended(one):
        raise SystemExit(f"{one.id}: {dead}\n" + "\n".join(engine.log_tail(one.id, 20)))
    try:
        place, _, prefix = engine.address(one).partition("/")
        return None if ask.get(place, f"/{prefix}/healthz".replace("//", "/"), 1.0)[0] == 200 else "unhealthy"
    except OSError as error:
        return str(error)


def _wait(missing: Callable[[], str | None], seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while left := missing():
        if time.monotonic() > end:
            raise SystemExit(left)
        time.sleep(0.01)


@contextlib.contextmanager
def running(name: EngineName) -> Iterator[Stack]:
    """A stack with one stable instance in a folder of its own, gone at the exit."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        try:
            stack = Stack(root, name)
            stack.switch(0, stack.new("stable"))
            yield stack
        finally:
            (Docker(root, dict) if name == "docker" else Local(root, dict, None)).close(True)


def main(name: EngineName, switches: int) -> int:
    with running(name) as stack:
        with Client(stack.port, slow_path="/?s=1") as client:
            time.sleep(4)  # until the idlers idle
            while len(stack.verified) < switches + 1:
                stable = stack.state.stable
                assert stable is not None
                stack.switch(50, stable, stack.new("canary"))
                time.sleep(0.5)
                if len(stack.verified) % 4 == 2:
                    stack.switch(0, stable)  # the canary is left
                else:
                    stack.switch(0, stack.new("stable"))  # the canary's release becomes stable
                time.sleep(0.3)
            time.sleep(7)  # until every idler has asked again
        verified, drained = stack.verified[1:], stack.drained
    sys.stdout.write(
        f"{name}: {len(verified)} switches under load: {client.total} requests, {client.failed.total()} failed or "
        f"not 2xx {dict(client.failed)} (goal 0)\n"
        f"switch verified: median {1000 * median(verified):.0f} ms, worst {1000 * max(verified):.0f} ms\n"
        f"drain: median {median(drained):.2f} s, worst {max(drained):.2f} s (goal on local <= 2 s)\n"
    )
    for at, kind in client.when[:10]:
        sys.stdout.write(f"  lost at {at:.2f}: {kind}\n")
    return 1 if client.failed else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main("docker" if "docker" in sys.argv else "local", numbers[0] if numbers else 20))

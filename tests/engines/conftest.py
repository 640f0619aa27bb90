"""Real stacks for the local engine's tests; whatever a test does, nothing of its stack may be left afterwards."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from swiftdeploy.edge import bundled
from swiftdeploy.engines.local import places, processes, programs
from swiftdeploy.engines.local.engine import Local
from swiftdeploy.machine import ask, ports
from swiftdeploy.model import asking, manifest
from swiftdeploy.model.manifest import Manifest
from swiftdeploy.model.state import Instance, Settings, State, Track

HERE = Path(__file__).parent
SAMPLE_APP = HERE.parent.parent / "app" / "main.py"
SLOW_APP = HERE.parent.parent / "benchmarks" / "app_slow.py"
TEMPLATES = {path.name: path.read_text() for path in bundled.folder("templates").glob("*.tmpl")}


def wait(missing: Callable[[], object], seconds: float = 15.0) -> None:
    """Ask until the answer is falsy; fails with the last answer."""
    end = time.monotonic() + seconds
    while left := missing():
        if time.monotonic() > end:
            pytest.fail(f"still missing after {seconds:g} s: {left}")
        time.sleep(0.01)


@dataclass
class Stack:
    """One project, driven as the verbs drive it."""

    root: Path
    services: dict[str, Any] = field(default_factory=dict)
    nginx: dict[str, Any] = field(default_factory=dict)
    leash: tuple[int, float] | None = None
    opa: str | None = None
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.port = ports.claim(self.root, self.root)
        self.admin_port = ports.claim(self.root, self.root)
        self.opa_port = ports.claim(self.root, self.root)
        self.engine = self.reopened()

    def reopened(self) -> Local:
        """The engine as the next command's process has it."""
        return Local(self.root, lambda: TEMPLATES, SAMPLE_APP, self.leash, self.opa)

    templates = TEMPLATES
    wait = staticmethod(wait)

    def fresh_port(self) -> int:
        return ports.claim(self.root, self.root)

    @property
    def places(self) -> places.Places:
        return places.of(self.root)

    @property
    def manifest(self) -> Manifest:
        text = {
            "services": {"image": "demo/app:1", "port": 8000, **self.services},
            "nginx": {"image": "nginx:1.31", "port": self.port, "admin_port": self.admin_port, **self.nginx},
            "opa": {"port": self.opa_port},
            "network": {"name": "demo-net", "driver_type": "bridge"},
        }
        return manifest.parse(json.dumps(text))

    @property
    def settings(self) -> Settings:
        return asking.settings(self.manifest, "local")

    def open(self) -> None:
        self.engine.open(self.settings)

    def begin(self, track: Track = "stable") -> Instance:
        """A started instance of the next generation."""
        one = Instance(f"{track}-{self.state.generation + 1}", track, self.engine.release(self.manifest))
        self.engine.start(one, self.manifest)
        return one

    def new(self, track: Track = "stable") -> Instance:
        """A ready one."""
        one = self.begin(track)
        self.ready(one)
        return one

    def ready(self, one: Instance) -> None:
        def missing() -> str | None:
            if dead := self.engine.ended(one):
                pytest.fail(f"{one.id}: {dead}: {self.engine.log_tail(one.id, 20)}")
            try:
                return None if ask.get(self.engine.address(one), "/healthz", 1.0)[0] == 200 else "unhealthy"
            except OSError as error:
                return str(error)

        wait(missing)

    def route(self, weight: int, *instances: Instance) -> None:
        generation = self.state.generation + 1
        self.state = replace(
            self.state, generation=generation, instances=instances, weight=weight, settings=self.settings
        )
        self.engine.route(self.state)
        wait(lambda: self.engine.unrouted(self.state))

    def drop(self, *ids: str) -> None:
        wait(lambda: self.engine.busy(ids), 40.0)
        for name in ids:
            self.engine.stop(name, 10.0)

    def deploy(self) -> Instance:
        """A stable instance that serves."""
        self.open()
        one = self.new()
        self.route(0, one)
        return one

    def get(self, path: str = "/") -> tuple[int, str]:
        return ask.get(f"127.0.0.1:{self.port}", path, 5.0)

    def part(self, name: str) -> psutil.Process:
        """The living process of a part."""
        found = next(one for one in self.engine.parts(self.state) if one.name == name)
        assert found.pid, found
        return psutil.Process(found.pid)

    def supervisord(self) -> psutil.Process:
        return psutil.Process(int((self.places.local / "supervisord.pid").read_text()))

    def wait_until_up(self, name: str, not_pid: int = 0) -> None:
        def missing() -> object:
            found = next(one for one in self.engine.parts(self.state) if one.name == name)
            return None if found.state == "running" and found.pid not in (None, not_pid) else found

        wait(missing)

    def left(self) -> list[str]:
        """What should not be there once the stack is closed: processes, listening ports, temporary folders."""
        found = [repr(one) for one in processes.marked(self.places)]
        found += [f"port {one}" for one in (self.port, self.admin_port, self.opa_port) if not ports.free("", one)]
        found += [
            str(path)
            for path in Path("/tmp").glob("swiftdeploy-*/state")
            if path.is_symlink() and str(path.readlink()) == str(self.places.state)
        ]
        found += [f"record of {name}" for name in programs.names(self.places)]
        return found


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Makes stacks in folders of their own, closes them, and sees that they left nothing."""
    made: list[Stack] = []

    def make(name: str = "project", **wanted: Any) -> Stack:
        made.append(Stack(tmp_path / name, **wanted))
        return made[-1]

    yield make
    for one in made:
        one.reopened().close(False)
    for one in made:
        assert one.left() == []
        shutil.rmtree(one.root / ".swiftdeploy", ignore_errors=True)


@pytest.fixture
def stack(make_stack: Callable[..., Stack]) -> Stack:
    return make_stack()


@pytest.fixture
def slow(make_stack: Callable[..., Stack]) -> Stack:
    """A stack whose app takes POST, and as long as `?s=` says."""
    made = make_stack(services={"command": ["{python}", "-S", "app_slow.py"]})
    shutil.copy(SLOW_APP, made.root)
    return made

"""One project on a real engine, driven as the verbs drive it."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dockerd
import psutil
import pytest

from swiftdeploy.edge import bundled
from swiftdeploy.engines.docker.engine import Docker
from swiftdeploy.engines.local import places, processes, programs
from swiftdeploy.engines.local.engine import Local
from swiftdeploy.flow.world import Engine, Part
from swiftdeploy.machine import ask, owners, ports
from swiftdeploy.model import asking, manifest
from swiftdeploy.model.manifest import Manifest
from swiftdeploy.model.state import EngineName, Instance, Settings, State, Track

SAMPLE_APP = Path(__file__).parent.parent / "app" / "main.py"
TEMPLATES = {path.name: path.read_text() for path in bundled.folder("templates").glob("*.tmpl")}
NUMBERS = itertools.count(1)


def wait(missing: Callable[[], object], seconds: float = 15.0) -> None:
    """Ask until the answer is falsy; fails with the last answer."""
    end = time.monotonic() + seconds
    while left := missing():
        if time.monotonic() > end:
            pytest.fail(f"still missing after {seconds:g} s: {left}")
        time.sleep(0.01)


@dataclass
class Stack:
    """`opa`: a binary for the local engine. `network`: also the name of the volume for logs."""

    root: Path
    on: EngineName = "local"
    services: dict[str, Any] = field(default_factory=dict)
    leash: tuple[int, float] | None = None
    opa: str | None = None
    network: str = ""
    nginx: dict[str, Any] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=lambda: TEMPLATES)
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.port, self.admin_port, self.opa_port = (self.fresh_port() for _ in range(3))
        self.network = self.network or f"sdt-{os.getpid()}-{next(NUMBERS)}"
        self.engine = self.reopened()

    def reopened(self, templates: Mapping[str, str] | None = None) -> Any:
        """The engine as the next command's process has it; what of it is one engine's only, its tests know."""
        texts = templates or self.templates
        if self.on == "docker":  # the next run sweeps what a killed one left
            return Docker(self.root, lambda: texts, self.leash or owners.me())
        return Local(self.root, lambda: texts, SAMPLE_APP, self.leash, self.opa)

    wait = staticmethod(wait)

    def fresh_port(self) -> int:
        return ports.claim(self.root, self.root)

    def runs(self, program: str, **services: Any) -> None:
        """From now on the app is that Python program."""
        if self.on == "docker":
            image, env = dockerd.program_image(), {"PROGRAM": program, **services.pop("env", {})}
            self.services = {"image": image, "env": env, **services}
        else:
            self.services = {"command": ["{python}", "-S", "-c", program], **services}

    @property
    def places(self) -> places.Places:
        return places.of(self.root)

    @property
    def manifest(self) -> Manifest:
        text = {
            "services": {"image": dockerd.APP, "port": 3000, "log_volume": self.network, **self.services},
            "nginx": {"image": dockerd.NGINX, "port": self.port, "admin_port": self.admin_port, **self.nginx},
            "opa": {"port": self.opa_port, "image": dockerd.OPA},
            "network": {"name": self.network, "driver_type": "bridge"},
        }
        return manifest.parse(json.dumps(text, ensure_ascii=False))

    @property
    def settings(self) -> Settings:
        return asking.settings(self.manifest, self.on)

    def open(self) -> None:
        if self.on == "docker":
            self.engine.fetch(self.manifest)
        self.engine.open(self.settings)

    def begin(self, track: Track = "stable") -> Instance:
        """A started instance of the next generation."""
        one = Instance(f"{track}-{self.state.generation + 1}", track, self.engine.release(self.manifest))
        if self.on == "docker":  # as the verbs keep its manifest, which makes the engine keep its image
            (self.places.state / "releases" / one.release.id).mkdir(parents=True, exist_ok=True)
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
                status, text = self.ask(one)
            except OSError as error:
                return str(error)
            return None if status == 200 else f"{status} {text}"

        wait(missing)

    def ask(self, one: Instance, path: str = "/healthz") -> tuple[int, str]:
        """Status and text of an instance itself, at the engine's address for it."""
        place, slash, prefix = self.engine.address(one).partition("/")
        return ask.get(place, f"{slash}{prefix}{path}", 2.0)

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

    def found(self, name: str) -> Part:
        """A part of the stack, as the engine tells of it."""
        return next(one for one in self.engine.parts(self.state) if one.name == name)

    def environment(self, one: Instance) -> dict[str, str]:
        """What a running instance was given."""
        if self.on == "docker":
            pid = dockerd.inspected(str(self.found(one.id).container))["State"]["Pid"]
            inside = psutil.Process(pid).children()[0]  # docker's init is the container's first process
            return inside.environ()
        return self.part(one.id).environ()

    def part(self, name: str) -> psutil.Process:
        """The living process of a part, on the local engine."""
        pid = self.found(name).pid
        assert pid, name
        return psutil.Process(pid)

    def supervisord(self) -> psutil.Process:
        return psutil.Process(int((self.places.local / "supervisord.pid").read_text()))

    def wait_until_up(self, name: str, not_pid: int = 0) -> None:
        def missing() -> object:
            found = self.found(name)
            return None if found.state == "running" and found.pid not in (None, not_pid) else found

        wait(missing)

    def close(self) -> None:
        """End it all, as the next command would. What a volume holds is of no use to a test."""
        self.reopened().close(self.on == "docker")

    def left(self) -> list[str]:
        """What should not be there once the stack is closed."""
        found = [f"port {one}" for one in (self.port, self.admin_port, self.opa_port) if not ports.free("", one)]
        if self.on == "docker":
            return found + dockerd.left(self.root, self.network)
        found += [repr(one) for one in processes.marked(self.places)]
        found += [
            str(path)
            for path in Path("/tmp").glob("swiftdeploy-*/state")
            if path.is_symlink() and str(path.readlink()) == str(self.places.state)
        ]
        found += [f"record of {name}" for name in programs.names(self.places)]
        return found


def engine(stack: Stack) -> Engine:
    """The engine, seen as the verbs see it."""
    found: Engine = stack.engine
    return found

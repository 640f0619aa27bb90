"""A Scene over the fake world, and hands on its fakes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from fakes import Bench

from swiftdeploy.model.load import Answer, LoadReport
from swiftdeploy.scenario.effects import Effects, FileFacts, Ran, Reply
from swiftdeploy.scenario.hostfacts import HostFacts
from swiftdeploy.scenario.play import play
from swiftdeploy.scenario.read import read
from swiftdeploy.scenario.scene import Deadline, Scene, Stack


@dataclass
class FakeLoad:
    answers: list[Answer] = field(default_factory=list)
    stopped: bool = False

    def report(self) -> LoadReport:
        return LoadReport(len(self.answers), tuple(self.answers))

    def stop(self) -> LoadReport:
        self.stopped = True
        return self.report()


@dataclass
class FakeEffects:
    """All effects of steps in one; what was asked is in `asked`."""

    reply: Reply = field(default_factory=lambda: Reply(200, {"x-mode": "stable"}, '{"version": "1.0.0"}'))
    ran: Ran = field(default_factory=lambda: Ran(0, "out\n", ""))
    load: FakeLoad = field(default_factory=FakeLoad)
    files: dict[str, FileFacts] = field(default_factory=dict)
    listening: tuple[str, ...] = ("127.0.0.1:20000",)
    asked: list[object] = field(default_factory=list)
    broken: OSError | None = None

    def start(self, *asked: object) -> FakeLoad:
        self.asked.append(asked)
        return self.load

    def send(self, *asked: object) -> Reply:
        self.asked.append(asked)
        if self.broken:
            raise self.broken
        return self.reply

    def run(self, *asked: object) -> Ran:
        self.asked.append(asked)
        return self.ran

    def user(self, pid: int) -> str:
        return "app"

    def commands(self, pid: int) -> tuple[str, ...]:
        return ("python3",)

    def sockets(self, pid: int) -> tuple[str, ...]:
        return self.listening

    def environment(self, pid: int) -> dict[str, str]:
        return {"MODE": "stable", "APP_VERSION": "1.0.0"}

    def listens(self, socket: str) -> bool:
        return socket == "tcp://18080"

    def file(self, path: str) -> FileFacts:
        return self.files.get(path, FileFacts(""))


@dataclass
class Stagehand:
    """Plays texts of scenarios on one scene."""

    bench: Bench
    effects: FakeEffects = field(default_factory=FakeEffects)

    def __post_init__(self) -> None:
        world = self.bench.world()
        deadline, host = Deadline(world.clock), HostFacts(world.host, {})
        self.world = replace(world, clock=deadline, host=host)
        stack = Stack("local", str(self.bench.root), "python3", "127.0.0.1", 18080, 18081, 8181)
        effects = Effects(self.effects, self.effects, self.effects, self.effects, self.effects)
        self.scene = Scene(self.world, effects, stack, host, deadline)

    def play(self, steps: str, head: str = "", always: str = "") -> list:
        """`steps`: one flow-style step a line."""
        lines = [f"  - {line.strip()}" for line in steps.strip().splitlines()]
        after = ["always:", *(f"  - {line.strip()}" for line in always.strip().splitlines())] if always else []
        text = "\n".join(["scenario: a", head, "steps:", *lines, *after])
        (scenario,) = read(text, "s.yaml", {}, self.bench.manifest.read_text())
        return list(play(scenario, self.scene))


@pytest.fixture
def stage(bench: Bench) -> Stagehand:
    return Stagehand(bench)

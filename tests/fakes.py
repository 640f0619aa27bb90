"""A World whose effects are fakes, over real files, a real journal and a real lock in a temporary folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from swiftdeploy.edge.files import Files
from swiftdeploy.edge.history import History
from swiftdeploy.edge.lock import CommandLock, holder
from swiftdeploy.edge.phases import Listener, phases
from swiftdeploy.flow.world import Part, World
from swiftdeploy.model import errors, evidence, proof
from swiftdeploy.model.check import Check
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet
from swiftdeploy.model.errors import Finding
from swiftdeploy.model.figures import Answer, Tally
from swiftdeploy.model.manifest import Manifest
from swiftdeploy.model.rego import TestResult
from swiftdeploy.model.state import EngineName, Instance, Release, Settings, State

MANIFEST = """\
services:
  image: demo:1.0
  port: 3000
  mode: stable   # edited by promote and rollback
  version: "1.0.0"
  command: ["{python}", "app.py"]
  start_timeout: 2s
  drain_timeout: 1s
nginx:
  image: nginx:1.28.0
  port: 18080
  proxy_timeout: 30
network:
  name: demo-net
  driver_type: bridge
canary:
  weight: 25
  window: 1s
"""


class FakeEngine:
    """Keeps what it was told; refuses what would lose requests."""

    name: EngineName = "local"

    def __init__(self) -> None:
        self.up: dict[str, Instance] = {}
        self.dead: set[str] = set()
        self.never_ready: set[str] = set()
        self.routed: State | None = None
        self.opened = False
        self.stopped: list[str] = []
        self.refuse_routes = False

    def release(self, manifest: Manifest) -> Release:
        asked = manifest.services
        name = f"r-{asked.version}"
        return Release(name, asked.version, asked.image, name, (), False, 3000, "", "/healthz", "/metrics", None, None)

    def fetch(self, manifest: Manifest) -> None: ...

    def open(self, settings: Settings) -> None:
        self.opened = True

    def is_open(self) -> bool:
        return self.opened or bool(self.up)

    def start_judge(self, settings: Settings, policies: PolicySet) -> None: ...

    def running(self) -> tuple[str, ...]:
        return tuple(self.up)

    def start(self, instance: Instance, manifest: Manifest) -> None:
        self.up[instance.id] = instance
        self.dead.discard(instance.id)

    def ended(self, instance: Instance) -> str | None:
        return "exited with status 1" if instance.id in self.dead else None

    def address(self, instance: Instance) -> str:
        return instance.id

    def route(self, state: State) -> None:
        if self.refuse_routes:
            raise errors.EnvironmentMissing("nginx refused the routes")
        missing = [one.id for one in state.instances if one.id not in self.up]
        assert not missing, f"requests would be lost: routed to {missing}, which does not run"
        self.routed = state

    def unrouted(self, state: State) -> str | None:
        return None if self.routed == state else "old generation"

    def busy(self, ids: Sequence[str]) -> str | None:
        return None

    def stop(self, instance_id: str, grace_seconds: float) -> None:
        routed = self.routed.instances if self.routed else ()
        assert instance_id not in {one.id for one in routed}, f"requests would be lost: {instance_id} is routed"
        self.up.pop(instance_id, None)
        self.stopped.append(instance_id)

    def log_tail(self, name: str, lines: int) -> tuple[str, ...]:
        return ("a line of its log",)

    def log_follow(self, name: str) -> Iterator[str]:
        return iter(())

    def proxy_log(self, since: float) -> Sequence[str]:
        return ()

    def parts(self, state: State) -> tuple[Part, ...]:
        instances = tuple(
            Part(one.id, "running" if one.id in self.up and one.id not in self.dead else "stopped", None)
            for one in state.instances
        )
        return (*instances, Part("proxy", "running" if self.routed else "stopped", None))

    def test_proxy(self, manifest: Manifest) -> str | None:
        return None

    def missing_command(self, manifest: Manifest) -> str | None:
        return None

    def inventory(self) -> tuple[Check, ...]:
        return (Check("engine", "pass", "a fake"),)

    def port_holder(self, port: int) -> str | None:
        return None

    def kill(self, part: str) -> None:
        self.dead.add(part)

    def hold_judge_down(self, down: bool) -> None: ...

    def close(self, clean: bool) -> None:
        self.up.clear()
        self.routed = None
        self.opened = False


class FakeJudge:
    """Says what `verdicts` says next for a gate; allows when nothing is left. Its policies prove themselves."""

    def __init__(self) -> None:
        self.verdicts: list[Literal["allow", "deny", "none"]] = []
        self.asked: list[tuple[Gate, Mapping[str, Json]]] = []

    def warm(self) -> None: ...

    def decide(self, gate: Gate, facts: Mapping[str, Json], policies: PolicySet) -> Decision:
        if any(facts == one.facts for one in proof.questions(policies)):
            return Decision(gate, "deny", ("not this",), facts, "fake", policies.digest)
        if facts.get("samples") == evidence.PLENTY or facts == proof.healthy(gate, policies):
            # questions between: would more samples change anything, can these policies decide at all
            return Decision(gate, "allow", (), facts, "fake", policies.digest)
        self.asked.append((gate, facts))
        outcome = self.verdicts.pop(0) if self.verdicts else "allow"
        reasons = ("error_rate is 60.00%, maximum allowed is 1.00%",) if outcome == "deny" else ()
        failure = "the judge is broken" if outcome == "none" else ""
        return Decision(gate, outcome, reasons, facts, "fake", policies.digest, failure=failure)

    def withdraw(self, policies: PolicySet) -> None: ...

    def in_force(self) -> str | None:
        return None

    def hurt(self, fault: Literal["down", "garbage", "recover"]) -> None: ...

    def close(self) -> None: ...


class FakeWeb:
    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.posted: list[tuple[str, Mapping[str, Json]]] = []

    def get(self, url: str, timeout_seconds: float) -> tuple[int, str]:
        name = url.removeprefix("http://").split("/")[0]
        if name not in self.engine.up or name in self.engine.never_ready:
            raise ConnectionRefusedError("connection refused")
        one = self.engine.up[name]
        if url.endswith("/metrics"):
            return 404, ""
        return 200, json.dumps({"status": "ok", "mode": one.track, "version": one.release.version})

    def post(self, url: str, body: Mapping[str, Json], timeout_seconds: float) -> tuple[int, str]:
        self.posted.append((url, body))
        return 200, "{}"


class FakeTraffic:
    """Every probe is well; `answers`: path to the status that `ask` gets, 0 for none."""

    def __init__(self) -> None:
        self.answers: dict[str, int] = {}

    def probe(
        self, address: str, paths: Sequence[str], requests: int, rps: float, **limits: object
    ) -> tuple[Tally, ...]:
        each = requests // len(paths)
        return tuple(Tally(each, 0, (1.0,) * each, {"200": each}, 2.0, path) for path in paths)

    def ask(self, address: str, path: str) -> Answer:
        status = self.answers.get(path, 200)
        if not status:
            raise OSError("no answer in 5 s")
        return Answer(status, False, 0.001)


class FakeHost:
    def facts(self) -> Mapping[str, Json]:
        return {"disk_free_gb": 40.0, "cpu_load_1m": 0.1, "cpu_count": 2, "mem_free_percent": 50.0, "simulated": True}


class FakeClock:
    """Time passes only when someone sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def timestamp(self) -> str:
        return "2026-05-05T20:34:51.000Z"

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class FakeConsole:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def progress(self, text: str) -> None: ...


class FakeRego:
    def __init__(self) -> None:
        self.findings: tuple[Finding, ...] = ()

    def check(self, policies: PolicySet) -> tuple[Finding, ...]:
        return self.findings

    def test(self, policies: PolicySet) -> tuple[TestResult, ...]:
        return ()


class FakeTools:
    def image(self, name: str) -> Check:
        return Check("image", "skipped", "a fake")

    def compose(self, text: str) -> Check:
        return Check("docker compose config", "skipped", "a fake")

    def inventory(self) -> tuple[Check, ...]:
        return ()


@dataclass
class Bench:
    """A fake world and the hands on its fakes. `world()` makes a new one over the same folder and engine, as the next
    command would; `listeners` hear its phases."""

    root: Path
    engine: FakeEngine = field(default_factory=FakeEngine)
    judge: FakeJudge = field(default_factory=FakeJudge)
    console: FakeConsole = field(default_factory=FakeConsole)
    rego: FakeRego = field(default_factory=FakeRego)
    traffic: FakeTraffic = field(default_factory=FakeTraffic)
    ticks: Callable[[], str] = lambda: "2026-05-05T20:34:51.000Z"

    def __post_init__(self) -> None:
        self.manifest = self.root / "manifest.yaml"
        if not self.manifest.exists():
            self.manifest.write_text(MANIFEST)

    def world(self, *listeners: Listener) -> World:
        lock_path = self.root / ".swiftdeploy" / "lock"
        return World(
            manifest_name="manifest.yaml",
            engine=self.engine,
            judge=self.judge,
            web=FakeWeb(self.engine),
            traffic=self.traffic,
            host=FakeHost(),
            files=Files(self.root),
            journal=History(self.root / "history.jsonl", "run", "tester@here", self.ticks),
            clock=FakeClock(),
            console=self.console,
            rego=self.rego,
            tools=FakeTools(),
            lock=CommandLock(lock_path),
            phase=phases(*listeners),
            holder=lambda: str(held) if (held := holder(lock_path)) else None,
        )

    def edit(self, old: str, new: str) -> None:
        text = self.manifest.read_text()
        assert old in text
        self.manifest.write_text(text.replace(old, new))

    def ask_for(self, version: str) -> None:
        """Edit the manifest to ask for another release."""
        lines = self.manifest.read_text().splitlines(keepends=True)
        self.manifest.write_text("".join(f'  version: "{version}"\n' if "version:" in line else line for line in lines))

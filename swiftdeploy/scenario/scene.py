"""What a step may touch: the world of the copied project, loads, captured values, and since when things are so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from swiftdeploy.flow import observe
from swiftdeploy.flow.world import Clock, World
from swiftdeploy.model import errors, journal, manifest
from swiftdeploy.model.decision import Json
from swiftdeploy.model.load import LoadReport, together
from swiftdeploy.model.manifest import Manifest
from swiftdeploy.model.scrape import Scrape
from swiftdeploy.model.state import Instance, State, Track
from swiftdeploy.scenario.effects import Effects, Running
from swiftdeploy.scenario.hostfacts import HostFacts

JOURNAL = "history.jsonl"


class OutOfTime(errors.Interrupted):
    """A scenario or a step took longer than its `timeout`."""


class Deadline:
    """A Clock that raises OutOfTime once the time of the scenario, or of the step in it, is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[str, tuple[float, float]] = {}

    def limit(self, what: str, seconds: float | None) -> None:
        """From now on `what` (`the scenario`, `the step`) has so many seconds; None lifts its limit."""
        self._ends.pop(what, None)
        if seconds is not None:
            self._ends[what] = (self._clock.now() + seconds, seconds)

    def lift(self) -> None:
        """No limit any more."""
        self._ends.clear()

    def timestamp(self) -> str:
        """What time it is."""
        return self._clock.timestamp()

    def left(self) -> float:
        """Seconds until the first limit, never below zero; infinite without one."""
        return max(0.0, min((end for end, _ in self._ends.values()), default=float("inf")) - self._clock.now())

    def check(self) -> None:
        """Raise OutOfTime when a limit has passed."""
        for what, (end, seconds) in self._ends.items():
            if self._clock.now() >= end:
                raise OutOfTime(f"{what} was not done within its timeout of {seconds:g} s")

    def now(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self.check()
        self._clock.sleep(min(seconds, self.left()))
        self.check()


@dataclass(frozen=True)
class Stack:
    """Where things are, for steps and for `${stack.NAME}`."""

    engine: str
    folder: str
    python: str
    host: str
    port: int
    admin_port: int
    judge_port: int

    @property
    def url(self) -> str:
        """The service as users reach it, without a path."""
        return f"http://{self.host}:{self.port}"

    def values(self) -> dict[str, Json]:
        """The names a scenario may use."""
        named: dict[str, Json] = {f"stack.{name}": value for name, value in vars(self).items()}
        return {**named, "stack.url": self.url}


STACK_NAMES = ("stack.engine", "stack.folder", "stack.python", "stack.host", "stack.port", "stack.admin_port",
               "stack.judge_port", "stack.url")  # fmt: skip


@dataclass(frozen=True)
class Since:
    """Since when a track has its release, weight and chaos: the moment, its counters then, and how often steps have
    scraped it by then."""

    key: tuple[Instance, int, int]
    at: float
    scrape: Scrape | None
    scrapes: int = 0


@dataclass
class Scene:
    """One run of one scenario."""

    world: World
    effects: Effects
    stack: Stack
    host: HostFacts
    deadline: Deadline
    loads: dict[str, Running] = field(default_factory=dict)
    captured: dict[str, Json] = field(default_factory=dict)
    since: dict[Track, Since] = field(default_factory=dict)
    hurts: dict[Track, int] = field(default_factory=dict)
    scrapes: dict[str, int] = field(default_factory=dict)
    routes: tuple[tuple[Instance, ...], int] = ((), 0)
    routed_at: float = 0.0

    def state(self) -> State:
        """What runs now, by the journal."""
        last = journal.committed(self.world.journal.backwards())
        return last.state if last else State()

    def instance(self, track: Track) -> Instance:
        """The instance on a track; raises NotPossible when there is none."""
        found = self.state().instance(track)
        if found is None:
            raise errors.NotPossible(f"no {track} runs", "deploy or promote before this step")
        return found

    def manifest_text(self) -> str:
        return self.world.files.read(self.world.manifest_name)

    def manifest(self) -> Manifest:
        """The copy's manifest as it is now."""
        return manifest.parse(self.manifest_text(), self.world.manifest_name)

    def lines(self) -> list[Mapping[str, Json]]:
        """The journal so far as plain data, oldest first."""
        if not self.world.files.exists(JOURNAL):
            return []
        return [json.loads(line) for line in self.world.files.read(JOURNAL).splitlines()]

    def hurt(self, track: Track) -> None:
        """A step has changed this track's chaos."""
        self.hurts[track] = self.hurts.get(track, 0) + 1

    def look(self) -> None:
        """After a step that may have changed something: note since when each track is as it is now."""
        state, now = self.state(), self.world.clock.now()
        if (state.instances, state.weight) != self.routes:
            self.routes, self.routed_at = (state.instances, state.weight), now
        for one in state.instances:
            key = (one, state.weight, self.hurts.get(one.track, 0))
            if one.track not in self.since or self.since[one.track].key != key:
                self.since[one.track] = Since(key, now, self.scrape(one), self.scrapes.get(one.id, 0))
        for gone in set(self.since) - {one.track for one in state.instances}:
            del self.since[gone]

    def scrape(self, one: Instance) -> Scrape | None:
        """A reading of its counters; that it was read is remembered, since an app may count that too."""
        self.scrapes[one.id] = self.scrapes.get(one.id, 0) + 1
        return observe.scrape(one, self.world)

    def load_report(self) -> LoadReport:
        """What the clients of all loads have seen so far."""
        return together(running.report() for running in self.loads.values())

    def quiet(self) -> None:
        """End all loads."""
        for running in self.loads.values():
            running.stop()

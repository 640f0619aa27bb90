"""status: what runs, how it does, and what policy would say now. Sends no probe and repairs nothing."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from swiftdeploy.flow import asked as projects
from swiftdeploy.flow import observe, proof
from swiftdeploy.flow.world import Part, World
from swiftdeploy.model import errors, evidence, journal, manifest, metrics, thresholds
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet
from swiftdeploy.model.event import Committed, Entry, Intent, StatusScrape
from swiftdeploy.model.figures import Figures, Window
from swiftdeploy.model.manifest import Manifest
from swiftdeploy.model.metrics import Own
from swiftdeploy.model.scrape import Scrape
from swiftdeploy.model.state import Instance, State, Track
from swiftdeploy.verbs.validate import edited

DEFAULT_WINDOW_SECONDS = 30.0  # where no manifest says otherwise
LOOK_SECONDS = 1.0
DOWN_LOOKS = 2  # a part that came to its end may be started again by itself before the next look
REPAIR = "`swiftdeploy deploy` repairs it"
MORE_TRAFFIC = "send it requests meanwhile, or measure longer with --interval SECONDS"


@dataclass(frozen=True)
class Look:
    """The scrapes of one instance that lie in the window, oldest first. `answers`: the newest is of now; else `trouble`
    says what its metrics page does."""

    scrapes: tuple[Scrape, ...] = ()
    answers: bool = False
    trouble: str = ""

    def ends(self) -> tuple[Scrape | None, Scrape | None]:
        """The two scrapes that a window of now lies between; none where nothing can be said of now."""
        return (self.scrapes[0], self.scrapes[-1]) if self.answers and len(self.scrapes) > 1 else (None, None)

    @property
    def several(self) -> str | None:
        """Why what is read is of several workers, each with counts of its own; None when it is of one."""
        return metrics.several_workers(self.scrapes)

    def own(self, world: World) -> Own:
        """Our own requests between the two."""
        first, second = self.ends()
        return observe.own(len(self.scrapes) - 1, second.at - first.at if first and second else 0.0, world)

    def said(self, instance: str) -> str | None:
        """What is to be said of a metrics page whose figures cannot be shown."""
        if not self.answers:
            return self.trouble
        if self.several:
            return f"{instance} has no figures: {self.several}; docs/metrics.md shows how they share one page"
        newest = self.scrapes[-1]
        return None if newest.usable else f"users of {instance} cannot be counted by its metrics page: {newest.found}"


@dataclass(frozen=True)
class TrackView:
    """One track as the dashboard shows it. `share` is its percentage of requests. `answers`: its metrics page answered
    this time; when not, nothing that it would tell is known, and `trouble` says what it does. `metrics`: by which
    series its requests are counted, or what was found. `requests_per_second` is None before a window is over."""

    track: Track
    instance: str
    release: str
    version: str
    part: Part
    share: int
    requests_per_second: float | None
    figures: Figures
    chaos: str | None
    uptime_seconds: float | None
    answers: bool
    trouble: str = ""
    metrics: str = ""


@dataclass(frozen=True)
class Snapshot:
    """All that a dashboard, `--json` or a scenario needs. `looks` (by instance id) open the next snapshot's window."""

    state: State
    mode: Track | None
    tracks: tuple[TrackView, ...]
    parts: tuple[Part, ...]
    decisions: Mapping[Gate, Decision]
    notes: tuple[str, ...]
    window_seconds: float
    min_samples: int
    looks: Mapping[str, Look] = field(default_factory=dict)

    def judged(self) -> TrackView | None:
        """The track that the canary policy speaks of: the canary, else stable."""
        return next((one for one in self.tracks if one.track == "canary"), self.tracks[0] if self.tracks else None)

    def down(self) -> tuple[Part, ...]:
        """The stopped parts without which users are not served."""
        return tuple(part for part in self.parts if part.state == "stopped" and part.name != "judge")


def watch(world: World, interval_seconds: float) -> Iterator[Snapshot]:
    """A snapshot every interval until the caller stops asking; each of a running stack is journalled as
    `status_scrape`. Raises Unreadable where there is no project."""
    shot = snapshot(world)
    while True:
        yield shot
        world.clock.sleep(interval_seconds)
        shot = snapshot(world, shot)
        if shot.state.instances:
            world.journal.append(as_event(shot))


def once(world: World, seconds: float) -> Snapshot:
    """One window of that many seconds."""
    shot = snapshot(world)
    if not shot.state.instances:
        return shot
    world.clock.sleep(seconds)
    return snapshot(world, shot)


def with_evidence(world: World, seconds: float | None = None) -> Snapshot:
    """For `--check`: a window that ends as soon as there are enough samples or a part is down for good, after
    `canary.window` (or `seconds`) at the latest."""
    longest = seconds or _window_seconds(_asked(world))
    shot = snapshot(world)
    end = world.clock.now() + longest
    downs = 1 if shot.down() else 0
    while shot.state.instances and downs < DOWN_LOOKS and world.clock.now() < end:
        world.clock.sleep(min(longest, LOOK_SECONDS, max(0.0, end - world.clock.now())))
        shot = snapshot(world, shot, math.inf)
        downs = downs + 1 if shot.down() else 0
        judged = shot.judged()
        if not downs and judged is not None and judged.figures.samples >= shot.min_samples:
            break
    return shot


def snapshot(world: World, previous: Snapshot | None = None, reach_seconds: float | None = None) -> Snapshot:
    """What can be said now; figures need a `previous` snapshot, which opens the window. That reaches back over
    `reach_seconds`, `canary.window` when not given. Raises Unreadable where there is no project."""
    projects.require_project(world)
    asked = _asked(world)
    last = journal.committed(world.journal.changes())
    state = last.state if last else State()
    policies = world.files.policies()
    reach = reach_seconds or _window_seconds(asked)
    before = previous.looks if previous else {}
    looks = {one.id: _look(one, world, before.get(one.id, Look()), reach) for one in state.instances}
    parts = world.engine.parts(state) if state.instances else ()
    judged = state.canary or state.stable
    excluded = asked.canary.exclude_paths if asked else ()
    window = _window(judged, looks[judged.id], state, excluded, world) if judged else None
    facts: dict[Gate, Mapping[str, Json]] = {"infrastructure": world.host.facts()}
    if window:
        facts["canary"] = evidence.canary_facts(window, None, thresholds.min_samples(policies))
    return Snapshot(
        state,
        last.mode if last and state.instances else None,
        tuple(_view(one, state, parts, looks[one.id], world) for one in state.instances),
        parts,
        {gate: _decision(gate, facts[gate], state, world) for gate in facts},
        tuple(_notes(asked, last, state, policies, parts, looks, world)),
        window.seconds if window else 0.0,
        thresholds.min_samples(policies),
        looks,
    )


def _decision(gate: Gate, facts: Mapping[str, Json], state: State, world: World) -> Decision:
    judged = state.canary or state.stable
    return proof.decide(gate, proof.asked(facts, "status", judged.track if judged else None, world), world)


def as_event(shot: Snapshot) -> StatusScrape:
    """The journal's `status_scrape`, with the article's fields; None where nothing can be said."""
    judged = shot.judged()
    figures = judged.figures if judged else Figures()
    infra, canary = (shot.decisions.get(gate) for gate in ("infrastructure", "canary"))
    return StatusScrape(
        shot.mode,
        figures.error_rate_percent,
        figures.p99_latency_ms,
        judged.chaos if judged else None,
        passed(infra),
        passed(canary),
        figures.samples,
    )


def passed(decision: Decision | None) -> bool | None:
    """True, False, or None where no decision could be made."""
    return None if decision is None or decision.outcome == "none" else decision.allow


def lacks_evidence(decision: Decision) -> bool:
    """The policy itself says that there were too few samples: its other reasons follow from that alone."""
    return decision.outcome == "none" and decision.evidence == "insufficient"


def verdict(shot: Snapshot) -> errors.SwiftDeployError | None:
    """For `--check`: the error that carries exit 10 or 11 (3 when nothing runs), None for 0."""
    if not shot.state.instances:
        return errors.NotPossible("nothing runs", "run `swiftdeploy deploy` first")
    if down := shot.down():
        return errors.NoDecision(f"{_stopped(down)}: no decision can be made", REPAIR)
    decisions = shot.decisions.values()
    denied = [one for one in decisions if one.outcome == "deny"]
    if denied:
        return errors.Denied("; ".join(f"{one.gate}: {', '.join(one.reasons)}" for one in denied))
    missing = [one for one in decisions if one.outcome == "none"]
    if missing:
        return errors.NoDecision("; ".join(_undecided(one, shot) for one in missing), _next_step(missing, shot))
    return None


def _undecided(decision: Decision, shot: Snapshot) -> str:
    if not lacks_evidence(decision):
        return f"{decision.gate}: {decision.failure or ', '.join(decision.reasons)}"
    judged = shot.judged()
    if judged and not judged.answers:
        return f"{decision.gate}: NO EVIDENCE: {judged.trouble}"
    count = judged.figures.samples if judged else 0
    return f"{decision.gate}: NO EVIDENCE ({count} of {shot.min_samples}) in {shot.window_seconds:g} s"


def _next_step(missing: list[Decision], shot: Snapshot) -> str:
    judged = shot.judged()
    if judged and not judged.answers:
        return f"`swiftdeploy logs {judged.track}` shows what it wrote"
    return MORE_TRAFFIC if any(map(lacks_evidence, missing)) else ""


def _stopped(parts: tuple[Part, ...]) -> str:
    """Which parts are stopped, each reason once."""
    named: dict[str, list[str]] = {}
    for part in parts:
        named.setdefault(part.detail, []).append(part.name)
    return "; ".join(
        f"{', '.join(names)} {'are' if len(names) > 1 else 'is'} stopped{f' ({why})' if why else ''}"
        for why, names in named.items()
    )


def _asked(world: World) -> Manifest | None:
    try:
        return manifest.parse(world.files.read(world.manifest_name), world.manifest_name)
    except errors.Unreadable:
        return None


def _window_seconds(asked: Manifest | None) -> float:
    return asked.canary.window_seconds if asked else DEFAULT_WINDOW_SECONDS


def _look(one: Instance, world: World, before: Look, reach: float) -> Look:
    now = observe.read(one, world, one.release.metrics)
    if isinstance(now, str):
        return Look(before.scrapes, False, now)
    inside = tuple(scrape for scrape in before.scrapes if now.at - scrape.at <= reach)
    return Look((*(inside or before.scrapes[-1:]), now), True)


def _window(one: Instance, look: Look, state: State, excluded: Collection[str], world: World) -> Window:
    seen = observe.serving_window(one, *look.ends(), state, world, look.own(world), excluded)
    return replace(seen, users=Figures()) if look.several else seen


def _view(one: Instance, state: State, parts: tuple[Part, ...], look: Look, world: World) -> TrackView:
    seen = observe.track_window(*look.ends(), one.release, look.own(world))
    users = Figures() if look.several else seen.users
    newest = look.scrapes[-1] if look.answers else None
    counts = newest is not None and newest.usable and not look.several
    return TrackView(
        one.track,
        one.id,
        one.release.label,
        one.release.version,
        next((part for part in parts if part.name == one.id), Part(one.id, "stopped", None)),
        state.weight if one.track == "canary" else 100 - state.weight,
        round(users.samples / seen.seconds, 1) if seen.seconds and counts else None,
        users,
        newest.chaos if newest else None,
        newest.uptime_seconds if newest else None,
        look.answers,
        look.trouble,
        newest.found if newest else "",
    )


def _notes(
    asked: Manifest | None,
    last: Committed | None,
    state: State,
    policies: PolicySet,
    parts: tuple[Part, ...],
    looks: Mapping[str, Look],
    world: World,
) -> Iterator[str]:
    holder = world.holder()
    stopped = tuple(part for part in parts if part.state == "stopped")
    if stopped and not holder:  # whoever holds the lock may be the one who repairs it
        yield f"{_stopped(stopped)}: {REPAIR}"
    if holder:
        yield f"{holder} holds the lock"
    elif left := journal.interrupted(world.journal.changes()):
        yield _interrupted(left)
    elif not state.instances and world.engine.is_open():
        yield "a first deploy was interrupted; the next changing command will undo it"
    for one in state.instances:
        if said := looks[one.id].said(one.id):
            yield said
    if policies.packaged:
        yield f"no {policies.folder}/ here: the packaged policies are in force"
    if asked is None:
        yield f"{world.manifest_name} cannot be used: run `swiftdeploy validate`"
        return
    yield from _mismatch(asked, last, state, world)
    try:
        for check in edited(asked, world):
            yield f"{check.name} {check.detail}"
    except errors.Unreadable as error:
        yield str(error)


def _interrupted(left: Entry) -> str:
    pid = left.run.partition("-")[0]
    match left.event:
        case Committed(verb):
            return f"`{verb}` by pid {pid} was interrupted after its commit; the next changing command will finish it"
        case Intent(verb):
            return f"`{verb}` by pid {pid} was interrupted; the next changing command will undo it"
        case _:
            return f"pid {pid} was interrupted"


def _mismatch(asked: Manifest, last: Committed | None, state: State, world: World) -> Iterator[str]:
    """What runs is not what the manifest asks for."""
    runs = state.canary or state.stable
    if runs is None or last is None:
        return
    try:
        wanted = world.engine.release(asked)
    except errors.EnvironmentMissing as error:
        yield f"the manifest asks for what cannot run here: {error.what}"
        return
    if wanted.version != runs.release.version:
        yield f"manifest asks {wanted.version}, {runs.release.version} runs"
    elif wanted.id != runs.release.id:
        yield f"manifest asks {wanted.label}, {runs.release.label} runs"
    elif asked.services.mode != last.mode:
        yield f"manifest asks mode {asked.services.mode}, {last.mode} runs"

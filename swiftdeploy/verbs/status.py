"""status: what runs, how it does, and what policy would say now. Sends no probe and repairs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from swiftdeploy.flow import observe
from swiftdeploy.flow.world import Part, World
from swiftdeploy.model import errors, journal, manifest, metrics, thresholds
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet
from swiftdeploy.model.event import Committed, Entry, Intent, StatusScrape
from swiftdeploy.model.manifest import Manifest
from swiftdeploy.model.metrics import Figures, Scrape
from swiftdeploy.model.state import Instance, State, Track
from swiftdeploy.verbs.validate import edited

DEFAULT_WINDOW_SECONDS = 30.0  # where no manifest says otherwise
LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class TrackView:
    """One track as the dashboard shows it. `share` is its percentage of requests."""

    track: Track
    instance: str
    release: str
    version: str
    part: Part
    share: int
    requests_per_second: float
    figures: Figures
    chaos: str | None
    uptime_seconds: float | None


@dataclass(frozen=True)
class Snapshot:
    """All that a dashboard, `--json` or a scenario needs. `scrapes` are kept for the next snapshot's window."""

    state: State
    mode: Track | None
    tracks: tuple[TrackView, ...]
    parts: tuple[Part, ...]
    decisions: Mapping[Gate, Decision]
    notes: tuple[str, ...]
    window_seconds: float
    min_samples: int
    scrapes: Mapping[str, tuple[Scrape, ...]] = field(default_factory=dict)

    def judged(self) -> TrackView | None:
        """The track that the canary policy speaks of: the canary, else stable."""
        return next((one for one in self.tracks if one.track == "canary"), self.tracks[0] if self.tracks else None)


def watch(world: World, interval_seconds: float) -> Iterator[Snapshot]:
    """A snapshot every interval until the caller stops asking; each is journalled as `status_scrape`."""
    shot = snapshot(world)
    while True:
        yield shot
        world.clock.sleep(interval_seconds)
        shot = snapshot(world, shot)
        world.journal.append(as_event(shot))


def once(world: World, seconds: float) -> Snapshot:
    """One window of that many seconds."""
    shot = snapshot(world)
    if not shot.state.instances:
        return shot
    world.clock.sleep(seconds)
    return snapshot(world, shot)


def with_evidence(world: World, seconds: float | None = None) -> Snapshot:
    """For `--check`: a window that ends as soon as there are enough samples, after `canary.window` (or `seconds`) at
    the latest."""
    asked = _asked(world)
    longest = seconds or (asked.canary.window_seconds if asked else DEFAULT_WINDOW_SECONDS)
    shot = snapshot(world)
    end = world.clock.now() + longest
    while shot.state.instances and world.clock.now() < end:
        world.clock.sleep(min(longest, LOOK_SECONDS, max(0.0, end - world.clock.now())))
        shot = snapshot(world, shot)
        judged = shot.judged()
        if judged is not None and judged.figures.samples >= shot.min_samples:
            break
    return shot


def snapshot(world: World, previous: Snapshot | None = None) -> Snapshot:
    """What can be said now; figures need a `previous` snapshot, which opens the window."""
    asked = _asked(world)
    last = journal.committed(world.journal.changes())
    state = last.state if last else State()
    policies = world.files.policies()
    reach = asked.canary.window_seconds if asked else DEFAULT_WINDOW_SECONDS
    scrapes = {one.id: _scrapes(one, world, previous, reach) for one in state.instances}
    parts = world.engine.parts(state) if state.instances else ()
    tracks = tuple(_view(one, state, parts, scrapes[one.id]) for one in state.instances)
    judged = state.canary or state.stable
    window = metrics.window(*_ends(scrapes[judged.id]), None) if judged else None
    facts: dict[Gate, Mapping[str, Json]] = {"infrastructure": world.host.facts()}
    if window:
        facts["canary"] = metrics.canary_facts(window, None)
    return Snapshot(
        state,
        last.mode if last and state.instances else None,
        tracks,
        parts,
        {gate: world.judge.decide(gate, facts[gate], policies) for gate in facts},
        tuple(_notes(asked, last, state, policies, world)),
        window.seconds if window else 0.0,
        thresholds.min_samples(policies),
        scrapes,
    )


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


def verdict(shot: Snapshot) -> errors.SwiftDeployError | None:
    """For `--check`: the error that carries exit 10 or 11 (3 when nothing runs), None for 0."""
    if not shot.state.instances:
        return errors.NotPossible("nothing runs", "run `swiftdeploy deploy` first")
    decisions = shot.decisions.values()
    denied = [one for one in decisions if one.outcome == "deny"]
    if denied:
        return errors.Denied("; ".join(f"{one.gate}: {', '.join(one.reasons)}" for one in denied))
    missing = [one for one in decisions if one.outcome == "none"]
    if missing:
        return errors.NoDecision("; ".join(f"{one.gate}: {one.failure or ', '.join(one.reasons)}" for one in missing))
    return None


def _asked(world: World) -> Manifest | None:
    try:
        return manifest.parse(world.files.read(world.manifest_name), world.manifest_name)
    except errors.Unreadable:
        return None


def _scrapes(one: Instance, world: World, previous: Snapshot | None, reach: float) -> tuple[Scrape, ...]:
    """The scrapes of the instance that lie in the window, oldest first, with one of now."""
    now = observe.scrape(one, world)
    old = previous.scrapes.get(one.id, ()) if previous else ()
    if now is None:
        return old
    inside = tuple(scrape for scrape in old if now.at - scrape.at <= reach)
    return (*(inside or old[-1:]), now)


def _ends(scrapes: tuple[Scrape, ...]) -> tuple[Scrape | None, Scrape | None]:
    return (scrapes[0], scrapes[-1]) if len(scrapes) > 1 else (None, None)


def _view(one: Instance, state: State, parts: tuple[Part, ...], scrapes: tuple[Scrape, ...]) -> TrackView:
    seen = metrics.window(*_ends(scrapes), None)
    newest = scrapes[-1] if scrapes else None
    rate = seen.users.samples / seen.seconds if seen.seconds else 0.0
    return TrackView(
        one.track,
        one.id,
        one.release.label,
        one.release.version,
        next((part for part in parts if part.name == one.id), Part(one.id, "stopped", None)),
        state.weight if one.track == "canary" else 100 - state.weight,
        round(rate, 1),
        seen.users,
        newest.chaos if newest else None,
        newest.uptime_seconds if newest else None,
    )


def _notes(
    asked: Manifest | None, last: Committed | None, state: State, policies: PolicySet, world: World
) -> Iterator[str]:
    if holder := world.holder():
        yield f"{holder} holds the lock"
    elif left := journal.interrupted(world.journal.changes()):
        yield _interrupted(left)
    elif not state.instances and world.engine.is_open():
        yield "a first deploy was interrupted; the next changing command will undo it"
    if policies.packaged:
        yield "no policies/ here: the packaged policies are in force"
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

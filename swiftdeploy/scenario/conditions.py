"""What `assert` and `wait` can ask about a running stack, each condition as a clause of what is wanted and what is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from swiftdeploy.flow import observe, proof
from swiftdeploy.flow.gate import measure_canary
from swiftdeploy.model.decision import Decision, Gate, Json
from swiftdeploy.model.event import Decided
from swiftdeploy.model.state import Track
from swiftdeploy.scenario import overview
from swiftdeploy.scenario.fields import STRICT, Bounds, Seconds, Several, no_list
from swiftdeploy.scenario.match import mismatch, unmatched
from swiftdeploy.scenario.scene import Scene, Since
from swiftdeploy.scenario.step import Outcome
from swiftdeploy.verbs import status

FEWEST_ANSWERS = 20  # a share of traffic that fewer responses show is no evidence
HOLD_SECONDS = 5.0  # how long an assert without `within` waits for its evidence
SPARE_SECONDS = 0.1  # before a time-out ends the step, to say what was missing


class TrackMetrics(BaseModel):
    """Figures of a track since the last step that changed its release, weight or chaos; probes included."""

    model_config = STRICT
    of: Track
    samples: Bounds | None = None
    errors: Bounds | None = None
    error_rate_percent: Bounds | None = None
    p99_latency_ms: Bounds | None = None


class TrafficShare(BaseModel):
    """Percent of responses by track, of those begun after the last change's drain."""

    model_config = STRICT
    stable: Bounds | None = None
    canary: Bounds | None = None
    samples: Bounds = Bounds(min=FEWEST_ANSWERS)


class JournalEvent(BaseModel):
    """Events like `fields`, and how many of them."""

    model_config = STRICT
    event: str
    where: dict[str, Any] = Field(default_factory=dict)
    count: Bounds = Bounds(min=1)


class Condition(BaseModel):
    """One or more of these; all must hold at once."""

    model_config = STRICT
    policy: Gate | None = None
    decision: Literal["allow", "deny", "none"] | None = None
    reasons: Several = ()
    facts: dict[str, Any] | None = None
    metrics: TrackMetrics | None = None
    traffic: TrafficShare | None = None
    dropped_requests: Bounds | None = None
    status: dict[str, Any] | None = None
    journal: Annotated[tuple[JournalEvent, ...], Field(strict=False), BeforeValidator(no_list)] = ()
    within: Seconds | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Condition:
        asked = (self.policy, self.metrics, self.traffic, self.dropped_requests, self.status)
        if all(one is None for one in asked) and not self.journal:
            raise ValueError("asks nothing: give policy, metrics, traffic, dropped_requests, status or journal")
        if self.policy is None and (self.decision or self.reasons or self.facts is not None):
            raise ValueError("decision, reasons and facts need policy: infrastructure or policy: canary")
        return self


@dataclass(frozen=True)
class Missing:
    """A condition that does not hold. `final`: waiting cannot mend it."""

    expected: str
    got: str
    final: bool = False
    guilty: str = ""


Checked = tuple[Missing | None, Json]


@dataclass(frozen=True)
class Look:
    """One look at the stack: what is missing (None when all holds), and the evidence, for `capture`."""

    missing: Missing | None
    data: Json


def look(asked: Condition, scene: Scene) -> Look:
    """Whether all of it holds now. The policy is asked last, since its probe takes seconds."""
    data: dict[str, Json] = {}
    for name, check in _checks(asked, scene):
        missing, data[name] = check()
        if missing:
            return Look(missing, data)
    return Look(None, data)


def hold(asked: Condition, scene: Scene, within: float) -> Outcome:
    """Passed once all of it holds; failed when something final is wrong, or `within` seconds (or the time that a
    `timeout` leaves) are over."""
    seconds = min(within, max(0.0, scene.deadline.left() - SPARE_SECONDS))
    seen = _poll(asked, scene, seconds)
    if seen.missing is None:
        return Outcome(True, data=seen.data)
    expected = seen.missing.expected + ("" if seen.missing.final else f" within {seconds:.3g} s")
    return Outcome(False, expected, seen.missing.got, seen.data, seen.missing.guilty)


def _poll(asked: Condition, scene: Scene, seconds: float) -> Look:
    end = scene.world.clock.now() + seconds
    while (seen := look(asked, scene)).missing and not seen.missing.final and scene.world.clock.now() < end:
        scene.world.clock.sleep(0.05)
    return seen


def _checks(asked: Condition, scene: Scene) -> Iterator[tuple[str, Callable[[], Checked]]]:
    if asked.journal:
        yield "journal", partial(_journal, asked.journal, scene)
    if asked.status is not None:
        yield "status", partial(_status, asked.status, scene)
    if asked.dropped_requests:
        yield "dropped_requests", partial(_dropped, asked.dropped_requests, scene)
    if asked.traffic:
        yield "traffic", partial(_traffic, asked.traffic, scene)
    if asked.metrics:
        yield "metrics", partial(_metrics, asked.metrics, scene)
    if asked.policy:
        yield "policy", partial(_policy, asked.policy, asked, scene)


def _policy(gate: Gate, asked: Condition, scene: Scene) -> Checked:
    decision = _decide(gate, scene)
    data: Json = {"decision": decision.outcome, "reasons": list(decision.reasons), "input": dict(decision.input),
                  "judge": decision.judge, "failure": decision.failure}  # fmt: skip
    said = "; ".join((decision.failure, *decision.reasons) if decision.failure else decision.reasons) or "no reasons"
    if asked.decision and asked.decision != decision.outcome:
        return Missing(f"policy {asked.policy} to decide {asked.decision}", f"{decision.outcome} ({said})"), data
    if left := unmatched(asked.reasons, (decision.failure, *decision.reasons)):
        return Missing(f"policy {asked.policy} to give a reason like {left[0]!r}", said), data
    if asked.facts is not None and (wrong := mismatch(asked.facts, dict(decision.input), "input")):
        return Missing(f"policy {asked.policy} to see {asked.facts}", wrong), data
    return None, data


def _decide(gate: Gate, scene: Scene) -> Decision:
    world = scene.world
    facts: Mapping[str, Json]
    if gate == "infrastructure":
        facts = world.host.facts()
    else:
        judged = scene.instance("canary")
        facts = measure_canary("assert", judged, scene.manifest(), world, scene.state()).facts
    receives = "canary" if gate == "canary" else None
    decision = proof.decide(gate, proof.asked(facts, "assert", receives, world), world)
    world.journal.append(Decided("assert", decision))
    return decision


def _metrics(asked: TrackMetrics, scene: Scene) -> Checked:
    instance = scene.instance(asked.of)
    since = scene.since.get(asked.of)
    latest = scene.scrape(instance)
    own = observe.own(scene.scrapes[instance.id] - (since.scrapes if since else 0), _seconds(since, scene), scene.world)
    window = observe.track_window(since.scrape if since else None, latest, instance.release, own)
    data: Json = {**asdict(window.users), "window_seconds": window.seconds}
    for name in ("samples", "errors", "error_rate_percent", "p99_latency_ms"):
        bounds, value = getattr(asked, name), getattr(window.users, name)
        if bounds and (value is None or not bounds.hold(value)):
            got = "no evidence" if value is None else f"{value:g}"
            after = f"{got} from {window.users.samples} samples in {window.seconds:g} s"
            return Missing(f"{name} of {asked.of} to be {bounds}", after, guilty=instance.id), data
    return None, data


def _seconds(since: Since | None, scene: Scene) -> float:
    return scene.world.clock.now() - since.at if since else 0.0


def _traffic(asked: TrafficShare, scene: Scene) -> Checked:
    counts = scene.load_report().traffic(scene.routed_at)
    total = sum(counts.values())
    shares = {track: round(100 * count / total, 3) if total else None for track, count in counts.items()}
    data: Json = {"stable": shares["stable"], "canary": shares["canary"], "samples": total}
    if not asked.samples.hold(total):
        what = f"traffic from {asked.samples} responses begun after the last change"
        return Missing(what, f"{total} ({len(scene.loads)} loads)", final=not scene.loads), data
    for track, share in shares.items():
        bounds: Bounds | None = getattr(asked, track)
        if bounds and (share is None or not bounds.hold(share)):
            return Missing(f"{track} to have {bounds} % of the traffic", f"{share} % of {total} responses"), data
    return None, data


def _dropped(asked: Bounds, scene: Scene) -> Checked:
    report = scene.load_report()
    kinds = report.dropped()
    lost = sum(kinds.values())
    if asked.hold(lost):
        return None, lost
    named = ", ".join(f"{count} x {kind}" for kind, count in kinds.items())
    got = f"{lost} of {len(report.answers)}" + (f" ({named})" if named else "")
    too_many = asked.max is not None and lost > asked.max
    return Missing(f"dropped requests to be {asked}", got, final=too_many, guilty="proxy"), lost


def _status(asked: Mapping[str, Json], scene: Scene) -> Checked:
    data: Json = overview.as_json(status.snapshot(scene.world))
    wrong = mismatch(dict(asked), data, "status")
    return (Missing(f"status {dict(asked)}", wrong) if wrong else None), data


def _journal(asked: tuple[JournalEvent, ...], scene: Scene) -> Checked:
    lines = scene.lines()
    for one in asked:
        like = [line for line in lines if mismatch({"event": one.event, **one.where}, dict(line)) is None]
        if not one.count.hold(len(like)):
            what = f"{one.event} {one.where}" if one.where else one.event
            return Missing(f"{one.count} journal events like {what}", str(len(like))), len(like)
    return None, [dict(line) for line in lines[-20:]]

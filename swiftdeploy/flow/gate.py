"""Measure, ask policy, record the answer, stop on no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swiftdeploy.flow import denials
from swiftdeploy.flow.measure import Measured
from swiftdeploy.flow.world import World
from swiftdeploy.model import errors, evidence
from swiftdeploy.model.decision import Decision, Gate, Json
from swiftdeploy.model.event import Blocked, Decided, Verb
from swiftdeploy.model.state import Instance, State

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest


def infrastructure(verb: Verb, world: World, override: str = "") -> Decision:
    """Ask whether this machine may take a deploy; raises Denied or NoDecision."""
    with world.phase("measure"):
        facts = world.host.facts()
    return _require(verb, "infrastructure", facts, world, override)


def canary(
    verb: Verb,
    judged: Instance,
    serving: State,
    asks: Manifest,
    world: World,
    override: str = "",
    stays: bool = True,
) -> Decision:
    """Ask whether `judged` may take (more) traffic; raises Denied or NoDecision. `serving` is who has traffic now;
    `stays`: a denial leaves `judged` where it is."""
    with world.phase("measure"):
        world.console.say(f"measuring {judged.id} ({judged.release.label}) ...")
        denial = denials.of_release(judged.release.id, world.journal.changes())
        measured = measure_canary(judged, asks, world, serving, denial)
    return _require(verb, "canary", measured.facts, world, override, Canary(judged, stays, measured, denial))


@dataclass(frozen=True)
class Canary:
    """What the canary gate knows beside its facts: who is judged and stays or not, and what was decided before."""

    judged: Instance
    stays: bool
    measured: Measured
    denial: denials.Denial | None


def measure_canary(
    judged: Instance, asks: Manifest, world: World, serving: State, denial: denials.Denial | None = None
) -> Measured:
    """Measure until policy cannot decide otherwise any more, or `canary.window` is over."""
    from swiftdeploy.flow import measure
    from swiftdeploy.model import thresholds

    policies = world.files.policies()
    enough = thresholds.min_samples(policies)
    wanted = denial.samples if denial else {}
    return measure.judged(judged, asks, world, serving, enough, lambda facts: surely_denied(facts, world), wanted)


def surely_denied(facts: Mapping[str, Json], world: World) -> bool:
    """Whether policy denies these figures however many samples there are, and for no other reason than them."""
    asked = evidence.without_doubt(facts)
    policies = world.files.policies()
    if world.judge.decide("canary", asked, policies).outcome != "deny":
        return False
    return world.judge.decide("canary", {**asked, **evidence.FLAWLESS}, policies).allow


def _require(
    verb: Verb, gate: Gate, facts: Mapping[str, Json], world: World, override: str, about: Canary | None = None
) -> Decision:
    with world.phase("decide"):
        decision = world.judge.decide(gate, facts, world.files.policies())
        denied_on: Mapping[str, int] = {}
        if about:
            decision = denials.reviewed(decision, about.denial, about.measured)
            if decision.outcome == "deny":
                denied_on = denials.condemned_by(about.measured, lambda facts: surely_denied(facts, world))
    if override and not decision.allow:
        decision = replace(decision, override=override)
    with world.phase("record-decision"):
        world.journal.append(Decided(verb, decision, about.judged.release.id if about else "", denied_on))
        if not decision.allow and not decision.override:
            world.journal.append(Blocked(verb, gate, reasons_of(decision)))
    if decision.warning:
        world.console.warn(decision.warning)
    if about:
        _say_evidence(decision, about, world)
    if decision.override:
        world.console.warn(f"policy {gate} is overridden ({override}): {'; '.join(reasons_of(decision))}")
        return decision
    if not decision.allow:
        raise refusal(verb, decision, about is not None and about.stays)
    world.console.say(f"✔ policy {gate}: PASS (judge {decision.judge}){'  UNENFORCED' if decision.unenforced else ''}")
    return decision


def _say_evidence(decision: Decision, about: Canary, world: World) -> None:
    """Which sources had evidence, and which were not used."""
    world.console.say(f"judged in {about.measured.window.seconds:.2f} s on {evidence.in_words(decision.input)}")
    for note in about.measured.window.notes:
        world.console.warn(note)


def reasons_of(decision: Decision) -> tuple[str, ...]:
    """The policy's reasons, or why there is no decision."""
    return (decision.failure, *decision.reasons) if decision.failure else decision.reasons


def refusal(verb: Verb, decision: Decision, serving: bool) -> errors.SwiftDeployError:
    """The error that stops a command whose gate did not allow it. `serving`: what was judged has users, and keeps them
    until someone leaves it."""
    reasons = "".join(f"\n    ! {reason}" for reason in reasons_of(decision))
    error = _in_words(verb, decision, reasons, serving)
    error.details = {"gate": decision.gate, "reasons": reasons_of(decision), "input": dict(decision.input)}
    return error


def _in_words(verb: Verb, decision: Decision, reasons: str, serving: bool) -> errors.SwiftDeployError:
    if decision.outcome == "none":
        return errors.NoDecision(
            f"policy [{decision.gate}] gave NO DECISION, so `{verb}` was not done{reasons}",
            "mend the judge or wait for more evidence and run it again, or use --override REASON",
        )
    if serving:
        then = "`swiftdeploy rollback` leaves the canary"
    else:
        mend = "release" if decision.gate == "canary" else "host"
        then = f"nothing was changed: mend the {mend} and run it again"
    return errors.Denied(
        f"policy [{decision.gate}] DENIED `{verb}`{reasons}", f"{then}; --override REASON is the break-glass"
    )

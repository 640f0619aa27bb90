"""Measure, ask policy, record the answer, stop on no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from swiftdeploy.flow import denials, proof
from swiftdeploy.flow.measure import Measured
from swiftdeploy.flow.world import World
from swiftdeploy.model import errors, evidence
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet
from swiftdeploy.model.event import Blocked, Decided, Verb
from swiftdeploy.model.refusal import limits_in_words, next_step, undecided
from swiftdeploy.model.state import Instance, State, Track

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest


def infrastructure(verb: Verb, world: World, override: str = "", target_mode: Track = "stable") -> Decision:
    """Ask whether this machine may take a deploy to `target_mode`; raises Denied or NoDecision."""
    with world.phase("measure"):
        facts = world.host.facts()
    return _require(verb, "infrastructure", facts, world, override, target_mode)


def canary(
    verb: Verb,
    judged: Instance,
    serving: State,
    asks: Manifest,
    world: World,
    override: str = "",
    target_mode: Track = "canary",
    stays: bool = True,
    foregone: Decision | None = None,
) -> Decision:
    """Ask whether `judged` may take (more) traffic on `target_mode`; raises Denied or NoDecision. `serving` is who has
    traffic now; `stays`: a denial leaves `judged` where it is; `foregone`: what is decided whatever is measured."""
    measured = denial = None
    with world.phase("measure"):
        if foregone is None:
            world.console.say(f"measuring {judged.id} ({judged.release.label}) ...")
            denial = denials.of_release(judged.release.id, world.journal.changes())
            measured = measure_canary(verb, judged, asks, world, serving, target_mode, denial)
    about = _Judged(judged.release.id, stays, measured, denial, foregone)
    return _require(verb, "canary", measured.facts if measured else {}, world, override, target_mode, about)


@dataclass(frozen=True)
class _Judged:
    """What the canary gate knows beside its facts: which release is judged, whether a denial leaves it where it is,
    what was measured, what was decided before, and what no measuring could change."""

    release: str = ""
    stays: bool = False
    measured: Measured | None = None
    denial: denials.Denial | None = None
    foregone: Decision | None = None


def measure_canary(
    action: str,
    judged: Instance,
    asks: Manifest,
    world: World,
    serving: State,
    target_mode: Track = "canary",
    denial: denials.Denial | None = None,
) -> Measured:
    """Measure until policy cannot decide otherwise any more, or `canary.window` is over."""
    from swiftdeploy.flow import measure
    from swiftdeploy.model import thresholds

    policies = world.files.policies()
    needs = measure.Needs(
        thresholds.min_samples(policies),
        partial(_surely_denied, action, target_mode, world),
        denial.samples if denial else {},
        thresholds.compared_above_ms(policies),
    )
    return measure.judged(judged, asks, world, serving, needs)


def _surely_denied(action: str, target_mode: Track, world: World, facts: Mapping[str, Json]) -> bool:
    """Whether policy denies these figures however many samples there are, and for no other reason than them."""
    from swiftdeploy.model import thresholds

    policies = world.files.policies()
    enough = thresholds.min_samples(policies)
    sure = proof.asked(evidence.without_doubt(facts, enough), action, target_mode, world)
    if world.judge.decide("canary", sure, policies).outcome != "deny":
        return False
    return world.judge.decide("canary", {**sure, **evidence.FLAWLESS}, policies).allow


def _require(
    verb: Verb,
    gate: Gate,
    facts: Mapping[str, Json],
    world: World,
    override: str,
    target_mode: Track,
    about: _Judged | None = None,
) -> Decision:
    about = about or _Judged()
    with world.phase("decide"):
        decision = about.foregone or proof.decide(gate, proof.asked(facts, verb, target_mode, world), world)
        denied_on: Mapping[str, int] = {}
        if about.measured:
            decision = denials.reviewed(decision, about.denial, about.measured)
            if decision.outcome == "deny":
                denied = partial(_surely_denied, verb, target_mode, world)
                denied_on = denials.condemned_by(about.measured, denied)
    if override and not decision.allow:
        decision = replace(decision, override=override)
    with world.phase("record-decision"):
        world.journal.append(Decided(verb, decision, about.release, denied_on))
        if not decision.allow and not decision.override:
            world.journal.append(Blocked(verb, gate, reasons_of(decision)))
    _say(decision, about.measured, world)
    if decision.override:
        world.console.warn(f"policy {gate} is overridden ({override}): {'; '.join(reasons_of(decision))}")
        return decision
    if not decision.allow:
        raise refusal(verb, decision, about.stays, world.files.policies())
    world.console.say(f"✔ policy {gate}: PASS (judge {decision.judge}){'  UNENFORCED' if decision.unenforced else ''}")
    return decision


def _say(decision: Decision, measured: Measured | None, world: World) -> None:
    """Which sources had evidence, which were not used, and what the policy warns of."""
    if measured:
        world.console.say(f"judged in {measured.window.seconds:.2f} s on {evidence.in_words(decision.input)}")
    notes = measured.window.notes if measured else ()
    warnings = (f"policy {decision.gate} warns: {one}" for one in decision.warnings)
    for warning in (decision.warning, *warnings, *notes):
        if warning:
            world.console.warn(warning)


def reasons_of(decision: Decision) -> tuple[str, ...]:
    """The policy's reasons, or why there is no decision."""
    return (decision.failure, *decision.reasons) if decision.failure else decision.reasons


def refusal(verb: Verb, decision: Decision, serving: bool, policies: PolicySet) -> errors.SwiftDeployError:
    """The error that stops a command whose gate did not allow it. `serving`: what was judged has users, and keeps them
    until someone leaves it."""
    reasons = "".join(f"\n    ! {reason}" for reason in reasons_of(decision))
    error = _in_words(verb, decision, reasons, serving, policies)
    error.details = {"gate": decision.gate, "reasons": reasons_of(decision), "input": dict(decision.input)}
    return error


def _in_words(
    verb: Verb, decision: Decision, reasons: str, serving: bool, policies: PolicySet
) -> errors.SwiftDeployError:
    where = f"policy [{decision.gate}]"
    if decision.outcome == "none":
        what = f"{where} gave NO DECISION, so `{verb}` was not done{reasons}"
        return errors.NoDecision(what, f"{undecided(decision, policies)}, or use --override REASON")
    limits = "".join(f"\n    limit: {line}" for line in limits_in_words(decision, policies))
    return errors.Denied(
        f"{where} DENIED `{verb}`{reasons}{limits}",
        f"{next_step(decision, serving, policies)}; --override REASON is the break-glass",
    )

"""Measure, ask policy, record the answer, stop on no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from swiftdeploy.flow import proof
from swiftdeploy.flow.world import World
from swiftdeploy.model import denial, errors
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet
from swiftdeploy.model.event import Blocked, Decided, Verb
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
    before: State,
    asks: Manifest,
    world: World,
    override: str = "",
    target_mode: Track = "canary",
) -> Decision:
    """Ask whether `judged` may take (more) traffic on `target_mode`; raises Denied or NoDecision."""
    from swiftdeploy.flow import observe
    from swiftdeploy.model import thresholds

    policies = world.files.policies()
    with world.phase("measure"):
        world.console.say(f"measuring {judged.id} ({judged.release.label}) ...")
        facts = observe.judged(judged, asks, world, before, enough=thresholds.min_samples(policies))
    return _require(verb, "canary", facts, world, override, target_mode, judged in before.instances)


def _require(
    verb: Verb,
    gate: Gate,
    facts: Mapping[str, Json],
    world: World,
    override: str,
    target_mode: Track,
    serving: bool = False,
) -> Decision:
    with world.phase("decide"):
        decision = proof.decide(gate, proof.asked(facts, verb, target_mode, world), world)
    if override and not decision.allow:
        decision = replace(decision, override=override)
    with world.phase("record-decision"):
        world.journal.append(Decided(verb, decision))
        if not decision.allow and not decision.override:
            world.journal.append(Blocked(verb, gate, reasons_of(decision)))
    for warning in (decision.warning, *(f"policy {gate} warns: {one}" for one in decision.warnings)):
        if warning:
            world.console.warn(warning)
    if decision.override:
        world.console.warn(f"policy {gate} is overridden ({override}): {'; '.join(reasons_of(decision))}")
        return decision
    if not decision.allow:
        raise refusal(verb, decision, serving, world.files.policies())
    world.console.say(f"✔ policy {gate}: PASS (judge {decision.judge}){'  UNENFORCED' if decision.unenforced else ''}")
    return decision


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
        return errors.NoDecision(what, f"{denial.undecided(decision, policies)}, or use --override REASON")
    limits = "".join(f"\n    limit: {line}" for line in denial.limits_in_words(decision, policies))
    return errors.Denied(
        f"{where} DENIED `{verb}`{reasons}{limits}",
        f"{denial.next_step(decision, serving, policies)}; --override REASON is the break-glass",
    )

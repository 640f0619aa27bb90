"""Ask a gate's policy, once the policies have proven that they gate anything at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from swiftdeploy.flow.world import World
from swiftdeploy.model import inputs, policy, policydata, proof, reading
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet
from swiftdeploy.model.event import Decided

NEWEST = 200  # entries of the journal: some 30 commands


def decide(gate: Gate, facts: Mapping[str, Json], world: World) -> Decision:
    """The judge's decision; none where a threshold cannot be compared with, or where the policies are new and allow the
    worst or the empty input of a gate. Then they are not in force, and those before them are again."""
    policies = world.files.policies()
    if unusable := _unusable(gate, facts, policies):
        return unusable
    decision = world.judge.decide(gate, facts, policies)
    if not _decided(decision):
        return decision
    return _unproven(decision, world) or replace(decision, proven=True)


def foregone(gate: Gate, world: World) -> Decision | None:
    """What `decide` would say whatever is measured, as no decision can be made; None where there can. Asked before a
    release gets its first users or a window begins, with an input that every policy can decide on."""
    policies = world.files.policies()
    if unusable := _unusable(gate, {}, policies):
        return unusable
    tried = world.judge.decide(gate, proof.healthy(gate, policies), policies)
    if tried.outcome == "none" and tried.blame == "policy":  # it does not compile, or makes nothing of it
        return replace(tried, input={})
    found = _unproven(tried, world) if _decided(tried) else None
    return found and replace(found, input={})


def _unusable(gate: Gate, facts: Mapping[str, Json], policies: PolicySet) -> Decision | None:
    wrong = reading.unusable_thresholds(gate, policies)
    return (
        policy.nothing(gate, facts, "none", policies, "\n      ".join(map(str, wrong)), "thresholds") if wrong else None
    )


def _unproven(decision: Decision, world: World) -> Decision | None:
    """In place of a decision by policies that gate nothing, which are not in force any more."""
    if recorded(decision, world):
        return None
    policies = world.files.policies()
    flaw = flaw_of(policies, world, decision.judge)
    if not flaw:
        return None
    world.judge.withdraw(policies)
    return policy.nothing(decision.gate, decision.input, decision.judge, policies, flaw, "policy")


def flaw_of(policies: PolicySet, world: World, judge: str = "") -> str:
    """Why the policies must not come into force, by what the judge in force says of the worst and the empty input of
    each gate; empty when they have proven themselves. `judge` is the only one whose answers count, when given."""
    asked = [(one, world.judge.decide(one.gate, one.facts, policies)) for one in proof.questions(policies)]
    other = next((answer.judge for _, answer in asked if judge and answer.judge != judge), "")
    if other:
        return f"the policies could not prove themselves: the judge was {judge}, and then {other}"
    return proof.flaw(asked, policies)


def asked(facts: Mapping[str, Json], action: str, target_mode: str | None, world: World) -> dict[str, Json]:
    """What was measured, and what every gate tells besides: thresholds, action, target_mode, timestamp."""
    thresholds = policydata.thresholds(world.files.policies().files)
    return {**facts, **inputs.around(thresholds, action, target_mode, world.clock.timestamp())}


def recorded(decision: Decision, world: World) -> bool:
    """Whether a decision in the newest part of the journal says that this judge has proven these policies; a proof that
    lies further back is made again, which takes less than to look for it."""
    newest = (one.event.decision for one in islice(world.journal.changes(), NEWEST) if isinstance(one.event, Decided))
    return any(
        one.proven and (one.policy_digest, one.judge) == (decision.policy_digest, decision.judge) for one in newest
    )


def _decided(decision: Decision) -> bool:
    """Whether policies were asked and could answer, be it that there was too little evidence."""
    return not decision.unenforced and (decision.outcome != "none" or decision.evidence is not None)

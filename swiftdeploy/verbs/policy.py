"""policy: run the tests of the policy files, ask about one input, or explain. Nothing is changed or recorded."""

from __future__ import annotations

from collections.abc import Mapping

from swiftdeploy.flow import proof
from swiftdeploy.flow.world import World
from swiftdeploy.model import errors, reading, rego
from swiftdeploy.model.decision import Decision, Gate, Json
from swiftdeploy.model.influence import Explanation, influences
from swiftdeploy.model.rego import TestResult


def test(world: World) -> tuple[TestResult, ...]:
    """Run every `test_...` rule of the policies in force here, always in the embedded judge; () when there are none.
    Raises Unreadable when the files cannot be read."""
    return world.rego.test(world.files.policies())


def check(gate: Gate, facts: Mapping[str, Json], world: World) -> Decision:
    """What the judge says of one input for a gate, once the policies have proven themselves; nothing is measured and
    nobody is stopped."""
    return proof.decide(gate, facts, world)


def explain(gate: Gate, world: World) -> Explanation:
    """What the gate's policy judges: each figure bad by itself. Raises BadFile where the files cannot be used."""
    policies = world.files.policies()
    if wrong := world.rego.check(policies):
        raise errors.BadFile(wrong, "mend the policy and run it again")
    healthy, found = influences(gate, policies, lambda facts: world.judge.decide(gate, facts, policies))
    return Explanation(
        gate,
        policies.packages[gate],
        policies.place(rego.decision_line(policies, gate)[0]),
        healthy,
        found,
        reading.thresholds(gate, policies),
        reading.unsent(gate, policies),
        reading.unread(gate, policies),
    )


def proven(world: World) -> None:
    """Raises Unreadable where the policies compile and yet gate nothing."""
    if flaw := proof.flaw_of(world.files.policies(), world):
        raise errors.Unreadable(flaw, "mend the policy; `swiftdeploy policy explain` shows what it judges")

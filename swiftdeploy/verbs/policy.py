"""policy: run the tests of the policy files, or ask the judge about one input. Nothing is changed or recorded."""

from __future__ import annotations

from collections.abc import Mapping

from swiftdeploy.flow.world import World
from swiftdeploy.model.decision import Decision, Gate, Json
from swiftdeploy.model.rego import TestResult


def test(world: World) -> tuple[TestResult, ...]:
    """Run every `test_...` rule of the policies in force here, always in the embedded judge; () when there are none.
    Raises Unreadable when the files cannot be read."""
    return world.rego.test(world.files.policies())


def check(gate: Gate, facts: Mapping[str, Json], world: World) -> Decision:
    """What the judge says of one input for a gate; nothing is measured and nobody is stopped."""
    return world.judge.decide(gate, facts, world.files.policies())

"""How a gate's question is put to every judge: `decision` or Conftest's rules, and figures that are no numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from swiftdeploy.model import conftestrules, policy, reading, rego
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet

Ask = Callable[[str, Mapping[str, Json]], Json]
"""The value of a Rego expression for an input, None when it is undefined. Raises NoDecision."""


def decided(gate: Gate, facts: Mapping[str, Json], judge: str, policies: PolicySet, ask: Ask) -> Decision:
    """What the gate's package says of a sanitised input. Raises NoDecision only where `ask` does.

    Where a figure is no number, the policy first has to say what it makes of an input without it. One that says
    nothing, or allows although it reads the figure, has not thought of it: no decision. Conftest's rules deny by what
    they find, so their denial of that input is the answer.
    """
    package = policies.packages[gate]
    rules = rego.conftest_rules(policies.files, package)
    question = conftestrules.question(package, rules) if rules else f"data.{package}.decision"

    def answered(of: Mapping[str, Json]) -> Decision:
        return _answer(gate, ask(question, of), of, judge, policies, rules)

    first = policy.trial(gate, facts, policies.files, package)
    if first is None:
        return answered(facts)
    left, failure = first
    without = ask(question, left)
    tried = _answer(gate, without, left, judge, policies, rules)
    if without is None or (tried.allow and facts.keys() - left.keys() & reading.names(gate, policies)):
        return policy.nothing(gate, facts, judge, policies, failure, "policy")
    return replace(tried, input=facts) if rules and not tried.allow else answered(facts)


def _answer(
    gate: Gate, value: Json, facts: Mapping[str, Json], judge: str, policies: PolicySet, rules: Sequence[str]
) -> Decision:
    if not rules or not isinstance(value, dict):
        return policy.answer(gate, value, facts, judge, policies)
    checked = {name: facts.get(name) for name in policy.FIGURES[gate]}
    found = conftestrules.document(value, gate, checked)
    if isinstance(found, str):
        return policy.nothing(gate, facts, judge, policies, f"package {policies.packages[gate]}: {found}", "policy")
    document, warnings = found
    return replace(policy.answer(gate, document, facts, judge, policies), warnings=warnings)

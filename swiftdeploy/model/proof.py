"""A policy set proves itself before it is in force: what each gate is asked, and what is said when it allows that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from swiftdeploy.model import inputs, policydata, reading, rego
from swiftdeploy.model.decision import GATES, Decision, Gate, Json, PolicySet

NOON = "2026-01-01T12:00:00.000Z"
_TELLS = {
    "worst": "allows the worst input that there is, so it gates nothing",
    "empty": "allows an input without a single figure, so it gates nothing",
}
_ACTIONS: Mapping[Gate, str] = {"infrastructure": "deploy", "canary": "promote"}


@dataclass(frozen=True)
class Question:
    """An input that a gate must not allow: everything as bad as it can be, or nothing at all."""

    gate: Gate
    kind: Literal["worst", "empty"]
    facts: Mapping[str, Json]


def healthy(gate: Gate, policies: PolicySet) -> dict[str, Json]:
    """A whole input of the gate with nothing wrong in it."""
    return {**inputs.healthy(gate), **_around(gate, policies)}


def questions(policies: PolicySet) -> tuple[Question, ...]:
    """What every gate is asked before the policies are in force."""
    return tuple(one for gate in GATES for one in _of(gate, policies))


def _of(gate: Gate, policies: PolicySet) -> Iterator[Question]:
    yield Question(gate, "worst", {**inputs.worst(gate), **_around(gate, policies)})
    yield Question(gate, "empty", {})


def _around(gate: Gate, policies: PolicySet) -> dict[str, Json]:
    target = "stable" if gate == "infrastructure" else "canary"
    return inputs.around(policydata.thresholds(policies.files), _ACTIONS[gate], target, NOON)


def flaw(answers: Iterable[tuple[Question, Decision]], policies: PolicySet) -> str:
    """Why the policies cannot come into force, after all questions; empty when they have proven themselves. A judge
    that could not answer has proven nothing."""
    for question, answer in answers:
        if answer.allow:
            return vacuous(question, policies)
        if answer.outcome == "none" and not answer.blame and answer.evidence is None:
            return f"the policies could not prove themselves: asked about the {question.kind} input, {answer.failure}"
    return ""


def vacuous(question: Question, policies: PolicySet) -> str:
    """What is wrong with a gate that allows what nobody may: the input, the figures that it never looks at, the names
    that it reads and no gate sends, and what to write."""
    file, offset = rego.decision_line(policies, question.gate)
    line = policies.files.get(file, "").count("\n", 0, offset) + 1
    package = policies.packages[question.gate]
    lines = [f"{policies.place(file)}:{line}: package {package} {_TELLS[question.kind]}"]
    lines.append(f"asked about {shown(question.facts)}")
    if unread := reading.unread(question.gate, policies):
        lines.append(f"it never looks at {', '.join(unread)}")
    lines += map(str, reading.unsent(question.gate, policies))
    if question.kind == "empty":
        lines.append(_on_the_empty_input(question.gate, policies))
    return "\n      ".join(lines)


def _on_the_empty_input(gate: Gate, policies: PolicySet) -> str:
    figure = inputs.FIGURES[gate][0]
    if rego.conftest_rules(policies.files, policies.packages[gate]):
        rule = f'deny contains "no {figure}" if not is_number(object.get(input, "{figure}", null))'
    else:
        rule = f"allow if input.{figure} <= ..., with `default allow := false`"
    return f"a comparison with a missing figure denies nothing; write `{rule}`"


def shown(facts: Mapping[str, Json]) -> str:
    """An input in one line: its figures, without the objects in it, which say the same again."""
    around = {one.name for one in inputs.CONTEXT}
    return json.dumps({name: it for name, it in facts.items() if not isinstance(it, dict) and name not in around})

"""What each figure does to a gate's verdict, one at a time: the answer of `policy explain`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from swiftdeploy.model import inputs, proof, reading
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet
from swiftdeploy.model.reading import Unsent

Effect = Literal["denies", "gives no decision", "makes no difference", "not read"]


@dataclass(frozen=True)
class Influence:
    """A figure that is `bad` while all others are healthy, and what the policy makes of it."""

    name: str
    bad: Json
    effect: Effect
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """What a gate's policy judges. `healthy` is its verdict where nothing is wrong, which the others differ from;
    `thresholds` are those that it reads, `unsent` the names that no gate sends, `unread` the figures that the shipped
    policies judge and it does not."""

    gate: Gate
    package: str
    file: str
    healthy: Decision
    influences: tuple[Influence, ...]
    thresholds: Mapping[str, Json]
    unsent: tuple[Unsent, ...]
    unread: tuple[str, ...]


Ask = Callable[[Mapping[str, Json]], Decision]


def influences(gate: Gate, policies: PolicySet, ask: Ask) -> tuple[Decision, tuple[Influence, ...]]:
    """The verdict on a healthy input, and what each figure does to it when it alone is bad."""
    healthy = proof.healthy(gate, policies)
    before, read = ask(healthy), reading.names(gate, policies)
    found = []
    for one in inputs.MEASURED[gate]:
        if one.judged:
            value = inputs.bad(one)
            found.append(_influence(one.name, value, before, ask({**healthy, one.name: value}), one.name in read))
    return before, tuple(found)


def _influence(name: str, bad: Json, before: Decision, after: Decision, read: bool) -> Influence:
    reasons = tuple(one for one in after.reasons if one not in before.reasons)
    if after.outcome == "deny" and (before.outcome != "deny" or reasons):
        return Influence(name, bad, "denies", reasons)
    if after.outcome == "none" and before.outcome != "none":
        return Influence(name, bad, "gives no decision", (after.failure, *reasons))
    return Influence(name, bad, "makes no difference" if read else "not read")

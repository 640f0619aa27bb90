"""After a gate said no: which threshold it was, in which file, and what to do next."""

from __future__ import annotations

import re

from swiftdeploy.model import limits, policydata, rego
from swiftdeploy.model.decision import Decision, Gate, PolicySet

_UNIT = re.compile(r"_(?:percent|ms|gb)$")
_PLACE = re.compile(r"(?:policy does not compile: )?(?P<file>[^\s:]+\.rego):\d+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def figures(decision: Decision) -> tuple[str, ...]:
    """The figures that the reasons speak of, by their names, with or without the unit."""
    words = {word for reason in decision.reasons for word in _WORD.findall(reason)}
    known = dict.fromkeys(one.figure for one in limits.THRESHOLDS if one.gate == decision.gate)
    return tuple(name for name in known if name in words or _UNIT.sub("", name) in words)


def limits_of(decision: Decision, policies: PolicySet) -> tuple[str, ...]:
    """The thresholds of data.json that bound those figures."""
    given = policydata.given(policies.files)
    found = (limits.bounding(figure, given) for figure in figures(decision))
    return tuple(name for name in found if name)


def limits_in_words(decision: Decision, policies: PolicySet) -> tuple[str, ...]:
    """Each threshold with its value and file, and how to see what the policy judges."""
    given = policydata.given(policies.files)
    file = policies.place("data.json")
    lines = [f"thresholds.{name} ({given[name]}) in {file}" for name in limits_of(decision, policies)]
    if lines:
        lines[-1] += f"; {_explain(decision.gate)} shows what it judges"
    return tuple(lines)


def next_step(decision: Decision, serving: bool, policies: PolicySet) -> str:
    """What to do about a denial. `serving`: what was judged has users until someone leaves it."""
    if serving:
        return "`swiftdeploy rollback` leaves the canary"
    done = "the canary was taken back" if decision.gate == "canary" else "nothing was changed"
    if not figures(decision):
        return f"{done}: {_of_the_policy(decision.gate, policies)} says why; {_explain(decision.gate)}"
    mend = "mend the release" if decision.gate == "canary" else "free what this host lacks"
    limit = f", or change the limit in {policies.place('data.json')}" if limits_of(decision, policies) else ""
    said = str(decision.input.get("error_rate_said", ""))
    pages = ", or name pages that answer in canary.probe.paths" if said.startswith("probe of") else ""
    return f"{done}: {mend}{limit}{pages}, and run it again"


def undecided(decision: Decision, policies: PolicySet) -> str:
    """What to do where there is no decision."""
    if decision.blame == "thresholds":
        return f"mend {policies.place('data.json')} and run it again"
    if decision.blame == "policy":
        named = _PLACE.match(decision.failure)  # a gate is stopped by the other one's policy too
        file = named["file"] if named else _of_the_policy(decision.gate, policies)
        return f"mend {file} and run it again (`swiftdeploy policy explain`)"
    if decision.blame == "denial":
        return "deploy a mended release, or judge this one by users again (canary.probe: off gives it a trial share)"
    if decision.evidence == "insufficient" and not _probed(decision):
        return "let more users reach it (raise canary.window, or the first of canary.steps) and run it again"
    if decision.evidence == "insufficient":
        return "let more requests reach it (raise canary.window or canary.probe.requests) and run it again"
    return "mend the judge (`swiftdeploy doctor` looks at it) and run it again"


def _probed(decision: Decision) -> bool:
    sources = decision.input.get("sources")
    probe = sources.get("probe") if isinstance(sources, dict) else None
    return not isinstance(probe, dict) or bool(probe.get("samples"))


def _of_the_policy(gate: Gate, policies: PolicySet) -> str:
    return policies.place(rego.decision_line(policies, gate)[0])


def _explain(gate: Gate) -> str:
    return f"`swiftdeploy policy explain --gate {gate}`"

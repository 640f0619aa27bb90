"""Policy in pure form: the digest of a policy set, a safe input for a judge, and a judge's answer as a Decision."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import replace

from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet

HEALTHY: Mapping[Gate, Mapping[str, Json]] = {
    "infrastructure": {
        "disk_free_gb": 40.0,
        "cpu_load_1m": 0.5,
        "cpu_count": 4,
        "mem_free_percent": 50.0,
        "simulated": True,
    },
    "canary": {
        "error_rate_percent": 0.0,
        "p99_latency_ms": 20.0,
        "p99_is_lower_bound": False,
        "window_seconds": 10.0,
        "samples": 1000,
        "in_flight": 0,
    },
}
"""An input of each gate that is whole and well-formed, to try out policies on."""

DECIMALS = 4  # Python writes 0.0001 without an exponent, 0.00001 with one; the judges' texts agree on the former only
LARGEST = 1e15  # from 1e16 on Python writes floats with an exponent, from 2**63 on integers wrap in regopy
LONGEST = 200
DEEPEST = 8


def digest(files: Mapping[str, str]) -> str:
    """`sha256:` and 64 hex digits over names and texts of all policy files but the tests."""
    total = hashlib.sha256()
    for name in sorted(files):
        if name.endswith("_test.rego"):
            continue
        for part in (name, files[name]):
            data = part.encode("utf-8", "surrogatepass")
            total.update(f"{len(data)}:".encode() + data)
    return "sha256:" + total.hexdigest()


def sanitise(facts: Mapping[str, Json]) -> dict[str, Json]:
    """The input as both judges read it alike, and as the journal can keep it.

    Floats are rounded to 4 decimals. What no judge may compare (NaN, infinities, numbers from 1e15 on) becomes a
    text, which denies with a reason. Texts lose quotes, backslashes and control characters (they break regopy's
    output) and what is beyond 200 characters.
    """
    return {_text(name): _value(value, 0) for name, value in facts.items()}


def _value(value: object, depth: int) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        return _text(value)
    if depth < DEEPEST and isinstance(value, Mapping):
        return {_text(str(name)): _value(inner, depth + 1) for name, inner in value.items()}
    if depth < DEEPEST and isinstance(value, list | tuple):
        return [_value(inner, depth + 1) for inner in value]
    return f"unreadable {type(value).__name__}"


def _number(value: int | float) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite"
    if abs(value) >= LARGEST:
        return "beyond 1e15" if value > 0 else "beyond -1e15"
    # + 0.0 turns -0.0 into 0.0: "-0.0 GB" would be a figure in one reader's eyes and negative in another's
    return value if isinstance(value, int) else round(value, DECIMALS) + 0.0


def _text(value: str) -> str:
    safe = value[:LONGEST].replace('"', "'").replace("\\", "/")
    return "".join(sign if sign.isprintable() else " " for sign in safe)


def nothing(gate: Gate, facts: Mapping[str, Json], judge: str, policies: PolicySet, failure: str) -> Decision:
    """No decision could be made; `failure` says why in one sentence."""
    return Decision(gate, "none", (), facts, judge, policies.digest, packaged=policies.packaged, failure=failure)


def answer(gate: Gate, value: object, facts: Mapping[str, Json], judge: str, policies: PolicySet) -> Decision:
    """What a judge answered, as a Decision. `value` is the gate's `decision` document as JSON gave it, None when it is
    undefined. Anything but `{allow, reasons, domain, checked}` with an optional `evidence` is no decision."""
    flaw = _flaw(value)
    if flaw or not isinstance(value, dict):
        return nothing(gate, facts, judge, policies, f"package swiftdeploy.{gate}: {flaw}")
    reasons = tuple(value["reasons"])
    decision = Decision(
        gate,
        "allow" if value["allow"] else "deny",
        reasons,
        facts,
        judge,
        policies.digest,
        packaged=policies.packaged,
        domain=value["domain"],
        checked=value["checked"],
        evidence=value.get("evidence"),
    )
    if decision.evidence == "insufficient":
        return replace(decision, outcome="none", failure="too little evidence")
    if decision.outcome == "deny" and not reasons:
        return replace(decision, reasons=("policy gave no reason",))
    return decision


def _flaw(value: object) -> str:
    """What keeps a document from being a decision; empty when nothing does."""
    if value is None:
        return "`decision` is undefined for this input"
    if not isinstance(value, dict):
        return f"`decision` is {_kind(value)}, not an object"
    if not isinstance(value.get("allow"), bool):
        return f"`decision.allow` is {_kind(value.get('allow'))}, not true or false"
    reasons = value.get("reasons")
    if not isinstance(reasons, list) or not all(isinstance(one, str) for one in reasons):
        return "`decision.reasons` is not a set or list of texts"
    if not isinstance(value.get("domain"), str):
        return f"`decision.domain` is {_kind(value.get('domain'))}, not a text"
    if not isinstance(value.get("checked"), dict):
        return f"`decision.checked` is {_kind(value.get('checked'))}, not an object"
    if value.get("evidence") not in (None, "sufficient", "insufficient"):
        return '`decision.evidence` is neither "sufficient" nor "insufficient"'
    return ""


def _kind(value: object) -> str:
    names = {"NoneType": "missing", "bool": "a boolean", "str": "a text", "list": "a list", "dict": "an object"}
    return names.get(type(value).__name__, "a number")


def shown(decision: Decision) -> dict[str, Json]:
    """The JSON object that `policy check` prints."""
    told: dict[str, Json] = {
        "allow": decision.allow,
        "reasons": list(decision.reasons),
        "domain": decision.domain or decision.gate,
        "checked": dict(decision.checked),
        "evidence": decision.evidence,
        "judge": decision.judge,
        "policy_digest": decision.policy_digest,
    }
    extra = {"failure": decision.failure, "warning": decision.warning}
    return (
        told
        | {name: text for name, text in extra.items() if text}
        | ({"unenforced": True} if decision.unenforced else {})
    )


def documents(text: str) -> dict[str, Json]:
    """`data.json` as the judges get it; an empty text is no data. Raises ValueError when it is not a JSON object of
    finite numbers."""
    value = json.loads(text.removeprefix("\ufeff") or "{}", parse_constant=_no_constant)
    if not isinstance(value, dict):
        raise ValueError("must hold one JSON object")
    return value


def _no_constant(word: str) -> Json:
    raise ValueError(f"{word} is not a JSON number")


def too_little_evidence(gate: Gate, facts: Mapping[str, Json], files: Mapping[str, str]) -> str:
    """Why the evidence is too little even for a gate that nobody enforces;
    empty when it is enough."""
    if gate != "canary":
        return ""
    try:
        thresholds = documents(files.get("data.json", "")).get("thresholds")
    except ValueError as error:
        return f"data.json: {error}"
    needed = thresholds.get("min_samples") if isinstance(thresholds, dict) else None
    samples = facts.get("samples")
    if not _figure(needed):
        return "min_samples is missing in data.json"
    if not _figure(samples) or samples < needed:  # type: ignore[operator]
        return f"samples is {'missing' if samples is None else samples}, minimum required is {needed}"
    return ""


def _figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0

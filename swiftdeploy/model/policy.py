"""Policy in pure form: the digest of a policy set, a safe input for a judge, and a judge's answer as a Decision."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from swiftdeploy.model import inputs, policydata
from swiftdeploy.model.decision import GATES, PACKAGES, Blame, Decision, Gate, Json, PolicySet

HEALTHY: Mapping[Gate, Mapping[str, Json]] = {gate: inputs.healthy(gate) for gate in GATES}
"""What each gate measures where nothing is wrong, to try out policies on."""

FRACTIONAL = {one.name for gate in GATES for one in inputs.MEASURED[gate] if one.kind == "number"}
FIGURES = inputs.FIGURES

DECIMALS = 4  # Python writes 0.0001 without an exponent, 0.00001 with one; the judges' texts agree on the former only
LARGEST = 1e15  # from 1e16 on Python writes floats with an exponent, from 2**63 on integers wrap in regopy
LONGEST = 200
_LONG = re.compile(r"(?<![\w.])\d{1,12}\.\d{12,}(?![\w.])")  # a number that was computed
DEEPEST = 8


def digest(files: Mapping[str, str], packages: Mapping[Gate, str] = PACKAGES) -> str:
    """`sha256:` and 64 hex digits over names and texts of all policy files but the tests, and over the packages of the
    gates where they are not the usual ones."""
    total = hashlib.sha256()
    counted = [part for name in sorted(files) if not name.endswith("_test.rego") for part in (name, files[name])]
    named = [part for gate in GATES if packages != PACKAGES for part in (gate, packages[gate])]
    for part in (*counted, *named):
        data = part.encode("utf-8", "surrogatepass")
        total.update(f"{len(data)}:".encode() + data)
    return "sha256:" + total.hexdigest()


def sanitise(facts: Mapping[str, Json]) -> dict[str, Json]:
    """The input as both judges read it alike, and as the journal can keep it.

    Floats are rounded to 4 decimals, and a figure that has decimals has them when it is whole too: OPA's `%.1f` of a
    whole number prints `%!f(int64=8)`. What no judge may compare (NaN, infinities, numbers from 1e15 on) becomes a
    text, which denies with a reason. Texts lose quotes, backslashes and control characters (they break regopy's
    output) and what is beyond 200 characters.
    """
    return {_text(name): _pointed(name, _value(value, 0)) for name, value in facts.items()}


def _pointed(name: str, value: Json) -> Json:
    return float(value) if name in FRACTIONAL and isinstance(value, int) and not isinstance(value, bool) else value


def trial(
    gate: Gate, facts: Mapping[str, Json], files: Mapping[str, str], package: str = ""
) -> tuple[dict[str, Json], str] | None:
    """What to ask before the question itself, and what it means when that is undefined; None when nothing needs it.

    Judges disagree on what is no number: `null <= 1.0` is true in OPA, `"NaN" <= 1.0` in regopy. So a policy is only
    asked to compare such a figure, or a figure with such a limit, when it can decide without the figure as well, as
    the shipped ones can.
    """
    odd = [name for name in FIGURES[gate] if name in facts and not _number_at_all(facts[name])]
    given = policydata.thresholds(files)
    limits = [name for name in policydata.LIMITS[gate] if not _number_at_all(given.get(name, 0))]
    if not odd and not limits:
        return None
    left = {name: value for name, value in facts.items() if name not in (FIGURES[gate] if limits else odd)}
    named = [f"thresholds.{name} in data.json" for name in limits] or odd
    where = package or PACKAGES[gate]
    return left, f"package {where}: {named[0]} is not a number, and the policy does not say what then"


def _number_at_all(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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


def nothing(
    gate: Gate, facts: Mapping[str, Json], judge: str, policies: PolicySet, failure: str, blame: Blame = ""
) -> Decision:
    """No decision could be made; `failure` says why in one sentence."""
    made = Decision(gate, "none", (), facts, judge, policies.digest, packaged=policies.packaged)
    return replace(made, failure=failure, blame=blame)


def answer(gate: Gate, value: object, facts: Mapping[str, Json], judge: str, policies: PolicySet) -> Decision:
    """What a judge answered, as a Decision. `value` is the gate's `decision` document as JSON gave it, None when it is
    undefined. Anything but `{allow, reasons, domain, checked}` with an optional `evidence` is no decision."""
    flaw = _flaw(value)
    if flaw or not isinstance(value, dict):
        return nothing(gate, facts, judge, policies, f"package {policies.packages[gate]}: {flaw}", "policy")
    reasons = tuple(_rounded(one) for one in value["reasons"])
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


def _rounded(reason: str) -> str:
    """A reason whose numbers have 12 digits at most: judges differ in the last ones of what they compute, and print
    9.2 as 9.199999999999999."""
    return _LONG.sub(lambda number: format(Decimal(f"{float(number.group()):.12g}"), "f"), reason)


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
        "proven": decision.proven,
        "warnings": list(decision.warnings),
    }
    extra = {"failure": decision.failure, "warning": decision.warning}
    return (
        told
        | {name: text for name, text in extra.items() if text}
        | ({"unenforced": True} if decision.unenforced else {})
    )


def too_little_evidence(gate: Gate, facts: Mapping[str, Json], files: Mapping[str, str]) -> str:
    """Why the evidence is too little even for a gate that nobody enforces;
    empty when it is enough."""
    if gate != "canary":
        return ""
    needed = policydata.thresholds(files).get("min_samples")
    samples = facts.get("samples")
    if not _figure(needed):
        return "min_samples is missing in data.json"
    if not _figure(samples) or samples < needed:  # type: ignore[operator]
        return f"samples is {'missing' if samples is None else samples}, minimum required is {needed}"
    return ""


def _figure(value: object) -> bool:
    return _number_at_all(value) and 0 <= value < math.inf  # type: ignore[operator]

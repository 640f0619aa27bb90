"""What measuring itself needs to know of the thresholds: how many samples are evidence, which p99 is compared."""

from __future__ import annotations

from swiftdeploy.model import policydata
from swiftdeploy.model.decision import PolicySet

DEFAULT_MIN_SAMPLES = 100


def min_samples(policies: PolicySet) -> int:
    """`thresholds.min_samples` of data.json; 100 where a project's own policies name none. How long to measure follows
    from it, never whether to allow: that is Rego's."""
    found = _number("min_samples", policies)
    return round(found) if found is not None and found <= 1_000_000 else DEFAULT_MIN_SAMPLES


def compared_above_ms(policies: PolicySet) -> float | None:
    """The p99 in milliseconds from which on `max_p99_increase_percent` compares with stable; None without it."""
    return None if _number("max_p99_increase_percent", policies) is None else _number("max_p99_latency_ms", policies)


def _number(name: str, policies: PolicySet) -> float | None:
    found = policydata.given(policies.files).get(name)
    return found if isinstance(found, int | float) and not isinstance(found, bool) and found >= 0 else None

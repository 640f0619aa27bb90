"""The one threshold that measuring itself needs to know: how many samples are evidence."""

from __future__ import annotations

from swiftdeploy.model import policydata
from swiftdeploy.model.decision import PolicySet

DEFAULT_MIN_SAMPLES = 100


def min_samples(policies: PolicySet) -> int:
    """`thresholds.min_samples` of data.json; 100 where a project's own policies name none. How long to measure follows
    from it, never whether to allow: that is Rego's."""
    try:
        thresholds = policydata.documents(policies.files.get("data.json", "")).get("thresholds")
    except ValueError:
        return DEFAULT_MIN_SAMPLES
    found = thresholds.get("min_samples") if isinstance(thresholds, dict) else None
    usable = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= 1_000_000
    return round(found) if usable else DEFAULT_MIN_SAMPLES  # type: ignore[arg-type]

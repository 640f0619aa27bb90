"""A denial is remembered: what users condemned is let through later only by as many of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from swiftdeploy.flow.measure import Measured
from swiftdeploy.model.decision import Decision, Json
from swiftdeploy.model.event import Committed, Decided, Entry

KINDS = ("users", "proxy")


@dataclass(frozen=True)
class Denial:
    """That a release was denied on users' figures: when and why the last time, and how many samples of each source it
    takes to allow it again."""

    timestamp: str
    reasons: tuple[str, ...]
    samples: Mapping[str, int]

    def lacking(self, measured: Measured) -> str:
        """What keeps this measurement from taking the denial back; empty when nothing does. App and proxy see the same
        users, so whichever saw more of them counts: an app's page may not be usable any more."""
        needed = max(self.samples.values(), default=0)
        seen = max(measured.samples(kind) for kind in KINDS)
        if seen >= needed:
            return ""
        return (
            f"this release was denied at {self.timestamp} on users' requests ({'; '.join(self.reasons)}); "
            f"it is allowed again only on {needed} of them, and this window had {seen}"
        )


def of_release(release_id: str, backwards: Iterable[Entry]) -> Denial | None:
    """The newest denial of a release on users' figures, with the most samples that it or one before it had, back to
    the decision that took the earlier ones back: an allow, or an override. `backwards`: the journal, newest entry
    first; what was before the last teardown does not count."""
    newest: Denial | None = None
    for entry in backwards:
        match entry.event:
            case Committed(verb="teardown"):
                break
            case Decided(decision=decision, release=judged, denied_on=samples) if judged == release_id:
                if decision.allow or decision.override:
                    break
                if samples:
                    newest = _together(newest or Denial(entry.timestamp, decision.reasons, {}), samples)
            case _:
                pass
    return newest


def _together(newest: Denial, samples: Mapping[str, int]) -> Denial:
    most = {kind: max(count, newest.samples.get(kind, 0)) for kind, count in samples.items()}
    return replace(newest, samples={**newest.samples, **most})


def reviewed(decision: Decision, denial: Denial | None, measured: Measured) -> Decision:
    """A decision as it stands, or none where a denial of this release still counts."""
    lacking = denial.lacking(measured) if denial and decision.outcome != "deny" else ""
    if not lacking:
        return decision
    if decision.outcome == "none":  # for another reason, which comes first
        return replace(decision, failure=f"{decision.failure}; {lacking}")
    return replace(decision, outcome="none", evidence="insufficient", failure=lacking, blame="denial")


def condemned_by(measured: Measured, denied: Callable[[Mapping[str, Json]], bool]) -> dict[str, int]:
    """The sources of users' requests that a denial would follow from alone, to the samples that may take it back: as
    many as it had, and min_samples, since a certain one ends the window after two. `denied` tells whether policy denies
    such figures however many samples there are."""
    kinds = [kind for kind in KINDS if measured.samples(kind)]
    return {kind: max(measured.samples(kind), measured.enough) for kind in kinds if denied(measured.alone(kind))}

"""What a load generator's clients saw, request by request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from swiftdeploy.model.figures import UNFINISHED, Tally
from swiftdeploy.model.state import Track

# `stable` and `canary`: the app answered. The others are dropped requests: an error page of the proxy's own, no
# connection, a connection that ended before the whole answer, an answer that is no HTTP, no answer in time.
Outcome = Literal["stable", "canary", "proxy", "connect", "reset", "garbage", "timeout"]


class Answer(NamedTuple):
    """The end of one request. `begun`: monotonic seconds; `status` 0 where there was none."""

    begun: float
    seconds: float
    status: int
    outcome: Outcome


@dataclass(frozen=True)
class LoadReport:
    """All requests that have ended so far, in the order of their end; `sent` counts those still under way too.

    `since` in its methods: only requests begun at or after that monotonic time.
    """

    sent: int
    answers: tuple[Answer, ...]

    def traffic(self, since: float = 0.0) -> dict[Track, int]:
        """Answers of the app by track."""
        seen = Counter(one.outcome for one in self._begun(since))
        return {"stable": seen["stable"], "canary": seen["canary"]}

    def dropped(self, since: float = 0.0) -> dict[str, int]:
        """Lost requests by kind (`proxy 502`, `connect`, `reset`, `garbage`, `timeout`); empty when none was lost."""
        lost = (one for one in self._begun(since) if one.outcome not in ("stable", "canary"))
        return dict(Counter(f"proxy {one.status}" if one.outcome == "proxy" else one.outcome for one in lost))

    def statuses(self, since: float = 0.0) -> dict[str, int]:
        """Status codes (proxy's own pages included) to their number."""
        return dict(Counter(str(one.status) for one in self._begun(since) if one.status))

    def tally(self, since: float = 0.0, track: Track | None = None) -> Tally:
        """The same as figures can be made of: error = dropped or 5xx. With `track`, only answers of that track."""
        mine = [one for one in self._begun(since) if track is None or one.outcome == track]
        named = Counter(str(one.status) if one.status else _name(one.outcome) for one in mine)
        return Tally(
            requests=len(mine),
            errors=sum(one.status == 0 or one.status >= 500 for one in mine),
            latencies_ms=tuple(one.seconds * 1000 for one in mine),
            statuses=dict(named),
            seconds=_span(mine),
        )

    def _begun(self, since: float) -> Iterator[Answer]:
        return (one for one in self.answers if one.begun >= since)


def together(reports: Iterable[LoadReport]) -> LoadReport:
    """Several loads as one."""
    parts = tuple(reports)
    return LoadReport(sum(one.sent for one in parts), tuple(answer for one in parts for answer in one.answers))


def _name(outcome: Outcome) -> str:
    return UNFINISHED if outcome == "timeout" else "connection"


def _span(answers: list[Answer]) -> float:
    """Seconds from the first begin to the last end."""
    if not answers:
        return 0.0
    return max(one.begun + one.seconds for one in answers) - min(one.begun for one in answers)

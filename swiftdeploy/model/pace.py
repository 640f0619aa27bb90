"""How fast a probe may ask: a guest that begins slowly, goes on while it is no burden, and backs off when it is.

It learns each path's latency from requests that were alone, and judges rounds of a few answers. A round of which half
took longer than that is a burden: half the rate, half as many in flight. What becomes of the next round tells whose
doing it was. Good again with fewer in flight: the probe's own. Slow even alone: the app's, and the probe learns anew.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median_low

MOST_IN_FLIGHT = 32
FIRST_RPS = 20.0
SLOWEST_RPS = 2.0
FASTER, CAREFULLY_FASTER = 1.5, 1.25  # the latter after it had been too fast
SLOWER = 0.6
# Beyond both, an answer took longer than those that were alone: machines with other work to do are late by some ms.
LONGER_TIMES, LONGER_SECONDS = 1.5, 0.02
ROUND_SECONDS = 0.5
ROUND_ANSWERS = 3, 8  # of a round that is over sooner; and the most that one waits for
LAST_ALONE = 9  # requests a path: an app that gets slower by itself is soon known to be slow
MORE_PATIENCE = 4


@dataclass(eq=False)
class Trip:
    """One request as the pace sees it. `most`: of ours at once in flight while it was; `gap_seconds`: the longest time
    in which none of them was answered."""

    path: str
    round: int
    sent: float
    most: int
    gap_seconds: float = 0.0
    seconds: float = math.nan


@dataclass
class _Round:
    begun: float
    sent: int = 0
    answers: list[Trip] = field(default_factory=list)
    gave_up: bool = False


class Pace:
    """The pace of one probe, at most `rps`. Times are seconds of any one clock. Who sends asks `window` (how many may
    be in flight) and `rate` (requests/s) before each request, and tells it of each that is sent or has ended."""

    def __init__(self, rps: float, now: float) -> None:
        self.window = 1
        self.rate = min(rps, FIRST_RPS)
        self._rps = rps
        self._open: list[Trip] = []
        self._answered = -math.inf
        self._alone: dict[str, deque[float]] = {}
        self._number = 0
        self._round = _Round(now)
        self._fine, self._patience = 0, 1
        self._suspects: list[Trip] = []
        self._own: dict[int, int] = {}  # rounds that were the probe's own doing: how many in flight were no burden

    def sent(self, path: str, now: float) -> Trip:
        """A request goes out now."""
        trip = Trip(path, self._number, now, len(self._open) + 1)
        self._open.append(trip)
        for one in self._open:
            one.most = max(one.most, len(self._open))
        self._round.sent += 1
        return trip

    def ended(self, trip: Trip, seconds: float, good: bool, answered: bool = True) -> None:
        """It took `seconds`; `good` when it is no error, not `answered` when it was given up."""
        now = trip.sent + seconds
        for one in self._open:
            one.gap_seconds = max(one.gap_seconds, now - max(one.sent, self._answered))
        self._answered = max(self._answered, now)
        self._open.remove(trip)
        trip.seconds = seconds
        if good and trip.most == 1:
            self._alone.setdefault(trip.path, deque(maxlen=LAST_ALONE)).append(seconds)
        if trip.round == self._number:
            self._round.answers.append(trip)
            self._round.gave_up |= not answered
            if self._is_over(now):
                self._next_round(now)

    def own_doing(self, trip: Trip) -> bool:
        """Whether it took so long only since the probe asked for too much: the load was found to be a burden, the
        queue of our own requests explains its latency, and that queue was moving all the time."""
        at_ease = self._own.get(trip.round)
        if at_ease is None or trip.most <= at_ease or not self._is_longer(trip):
            return False
        alone = max(map(self._base, self._alone), default=math.nan)
        return trip.seconds <= _longer(alone * trip.most / at_ease) and trip.gap_seconds <= _longer(alone)

    @property
    def slowed(self) -> str:
        """`backed off to 22 requests/s` where the app could not take what was asked for; else empty."""
        words = f"backed off to {self.rate:.{0 if self.rate >= 10 else 1}f} requests/s"
        return words if self._own and self.rate < self._rps else ""

    def _is_over(self, now: float) -> bool:
        few, many = ROUND_ANSWERS
        least = min(self.window, many)
        if now - self._round.begun < ROUND_SECONDS:
            least = max(least, few if self._number else few - 1)
        return self._round.gave_up or len(self._round.answers) >= least

    def _next_round(self, now: float) -> None:
        ended, self._round = self._round, _Round(now)
        most = max(one.most for one in ended.answers)
        if 2 * sum(map(self._is_longer, ended.answers)) < len(ended.answers):
            self._go_on(most)
        elif most == 1:
            self._alone_and_slow(ended.gave_up)
        else:
            self._suspects += ended.answers
            self._back_off(most, ended.sent / max(now - ended.begun, 0.001))
        self._number += 1

    def _go_on(self, most: int) -> None:
        self._own |= dict.fromkeys((one.round for one in self._suspects), most)
        if any(map(self.own_doing, self._suspects)):
            self._patience *= MORE_PATIENCE
        self._suspects = []
        self._fine += 1
        if self._fine >= self._patience:
            self._fine = 0
            self._speed_up()

    def _speed_up(self) -> None:
        self.rate = min(self._rps, self.rate * (FASTER if self._patience == 1 else CAREFULLY_FASTER))
        self.window = min(MOST_IN_FLIGHT, self.window * 2 if self._patience == 1 else self.window + 1)

    def _alone_and_slow(self, gave_up: bool) -> None:
        """Nothing that fewer requests could mend, so what came before was not the probe's doing either."""
        self._suspects, self._fine = [], 0
        if gave_up:
            self._speed_up()  # or there would be one request in five seconds

    def _back_off(self, most: int, true_rps: float) -> None:
        self._fine = 0
        self.rate = max(SLOWER * min(self.rate, true_rps), min(self._rps, SLOWEST_RPS))
        self.window = max(1, most // 2)

    def _is_longer(self, trip: Trip) -> bool:
        return trip.path in self._alone and trip.seconds > _longer(self._base(trip.path))

    def _base(self, path: str) -> float:
        return median_low(self._alone[path])


def _longer(seconds: float) -> float:
    return max(LONGER_TIMES * seconds, seconds + LONGER_SECONDS)

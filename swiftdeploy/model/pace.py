"""How fast a probe may ask: a guest that begins slowly, goes on while it is no burden, and backs off when it is.

It learns each path's latency from requests that were alone, and judges rounds of a few answers. A round of which half
took longer than that is a burden: the probe goes down to half as many in flight, and to a lower rate. What becomes of
the next round tells whose doing it was. Good again with fewer in flight: the probe's own, which stays there. Slow even
alone: the app's own.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median_low

MOST_IN_FLIGHT = 32
FIRST_RPS = 20.0
SLOWEST_RPS = 2.0
FASTER = 1.5
SLOWER = 0.6
BURDEN, EASE = 0.5, 0.25  # the part of a round's answers that took longer: back off; go faster
# Beyond both, an answer took longer than those that were alone: machines with other work to do are late by some ms.
LONGER_TIMES, LONGER_SECONDS = 1.5, 0.02
ROUND_SECONDS = 0.5
ROUND_ANSWERS = 3, 8  # of a round that is over sooner; and the most that one waits for
LAST_ALONE = 9  # requests a path: an app that gets slower by itself is soon known to be slow


@dataclass(eq=False)
class Trip:
    """One request as the pace sees it, sent in the round `first` and ended in `last`. `most`: of ours at once in flight
    while it was; `gap_seconds`: the longest time in which none of them was answered."""

    path: str
    first: int
    sent: float
    most: int
    gap_seconds: float = 0.0
    seconds: float = math.nan
    last: int = 0


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
        self._most_rps, self._most_in_flight = rps, MOST_IN_FLIGHT
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
        trip.seconds, trip.last = seconds, self._number
        if good and trip.most == 1:
            self._alone.setdefault(trip.path, deque(maxlen=LAST_ALONE)).append(seconds)
        if trip.first == self._number:
            self._round.answers.append(trip)
            self._round.gave_up |= not answered
            if self._is_over(now):
                self._next_round(now)

    def own_doing(self, trip: Trip) -> bool:
        """Whether it took so long only since the probe asked for too much: the load was found to be a burden, the
        queue of our own requests explains its latency, and that queue was moving all the time."""
        at_ease = max((self._own.get(one, 0) for one in range(trip.first, trip.last + 1)), default=0)
        if not 0 < at_ease < trip.most or not self._is_longer(trip):
            return False
        at_most = _longer(max(map(self._base, self._alone)))  # what an answer takes at ease
        return trip.seconds <= _longer(at_most * trip.most / at_ease) and trip.gap_seconds <= at_most

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
        longer = sum(map(self._is_longer, self._round.answers))
        return self._round.gave_up or len(self._round.answers) >= least or longer >= BURDEN * least

    def _next_round(self, now: float) -> None:
        ended, self._round = self._round, _Round(now)
        most = max(one.most for one in ended.answers)
        longer = sum(map(self._is_longer, ended.answers)) / len(ended.answers)
        if longer < BURDEN:
            self._own_up(most)
            if longer <= EASE:
                self._speed_up(most)
        elif most == 1:
            self._alone_and_slow(ended.gave_up)
        else:
            self._suspects += ended.answers
            self._back_off(most, ended.sent / max(now - ended.begun, 0.001))
        self._number += 1

    def _own_up(self, most: int) -> None:
        """With `most` in flight all is well, so more had been too many, as far as a queue of them explains it."""
        self._own |= dict.fromkeys((one.first for one in self._suspects), most)
        if any(map(self.own_doing, self._suspects)):
            self._most_rps, self._most_in_flight = self.rate, self.window
        self._suspects = []

    def _speed_up(self, most: int) -> None:
        # At the full rate, that many in flight are no burden but what an app leaves waiting that stops for a moment.
        room = MOST_IN_FLIGHT if self.rate == self._rps else 2 * most
        self.window = min(self._most_in_flight, max(self.window, room))
        self.rate = min(self._most_rps, self.rate * FASTER)

    def _alone_and_slow(self, gave_up: bool) -> None:
        """Nothing that fewer requests could mend, so what came before was not the probe's doing either."""
        self._suspects = []
        if gave_up:
            self._speed_up(1)  # or there would be one request in five seconds

    def _back_off(self, most: int, true_rps: float) -> None:
        self.rate = max(SLOWER * min(self.rate, true_rps), min(self._rps, SLOWEST_RPS))
        self.window = max(1, most // 2)

    def _is_longer(self, trip: Trip) -> bool:
        return trip.path in self._alone and trip.seconds > _longer(self._base(trip.path))

    def _base(self, path: str) -> float:
        return median_low(self._alone[path])


def _longer(seconds: float) -> float:
    return max(LONGER_TIMES * seconds, seconds + LONGER_SECONDS)

"""What a few samples can and cannot show: exact bounds of an error rate and of a p99.

Clopper and Pearson's interval, one-sided: with `CERTAINTY` the truth is not beyond the bound, whatever it is. So a
source of few requests can condemn a release when even its bound is over the limit (7 of 7 failed), and cannot by bad
luck (1 of 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, log, log1p

CERTAINTY = 0.999
SLOW_PART = 0.01  # what a p99 leaves above it
_HALVINGS = 40  # a rate to 12 digits


def rate_low(events: int, samples: int, certainty: float = CERTAINTY) -> float:
    """The lowest true rate (0 to 1) that `events` of `samples` leave possible; 0.0 where there are no samples."""
    if events <= 0 or samples <= 0:
        return 0.0
    low, high = 0.0, events / samples
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if at_least(events, samples, middle) > 1 - certainty:
            high = middle
        else:
            low = middle
    return low


def rate_high(events: int, samples: int, certainty: float = CERTAINTY) -> float:
    """The highest true rate (0 to 1) that `events` of `samples` leave possible; 1.0 where there are no samples."""
    return 1.0 - rate_low(samples - events, samples, certainty)


def at_least(events: int, samples: int, rate: float) -> float:
    """The probability of `events` or more in `samples` tries at a true `rate`. Exact where events/samples >= rate, the
    side that bounds look at: there the terms only fall, so they are summed until they no longer count."""
    if events <= 0 or rate >= 1.0:
        return 1.0
    if rate <= 0.0 or events > samples:
        return 0.0
    term = _term(events, samples, rate)
    total, odds = 0.0, rate / (1.0 - rate)
    for count in range(events, samples + 1):
        total += term
        if term <= total * 1e-15:
            break
        term *= odds * (samples - count) / (count + 1)
    return min(1.0, total)


def _term(events: int, samples: int, rate: float) -> float:
    """Exactly `events`: by logarithms, since the binomial coefficient of 100,000 is no float."""
    choices = lgamma(samples + 1) - lgamma(events + 1) - lgamma(samples - events + 1)
    return exp(choices + events * log(rate) + (samples - events) * log1p(-rate))


def slow_ones_for_certainty(samples: int, certainty: float = CERTAINTY) -> int:
    """How many of `samples` requests must be slower than a time for the true p99 to be at least that time."""
    count = max(1, int(samples * SLOW_PART))
    while at_least(count, samples, SLOW_PART) > 1 - certainty:
        count += 1
    return count


def p99_low(latencies: Sequence[float], certainty: float = CERTAINTY) -> float:
    """The lowest true p99 that these latencies (any unit) leave possible; 0.0 where they are too few to say."""
    needed = slow_ones_for_certainty(len(latencies), certainty)
    return sorted(latencies, reverse=True)[needed - 1] if needed <= len(latencies) else 0.0

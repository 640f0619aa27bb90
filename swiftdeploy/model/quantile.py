"""The quantile of a histogram of cumulative buckets, by Prometheus' rule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import accumulate, groupby

Bucket = tuple[float, float]

# Neighbouring counts closer than this part are equal for Prometheus too: float noise (promql/quantile.go).
SAME_COUNT_PART = 1e-12


def histogram_quantile(q: float, buckets: Iterable[Bucket]) -> tuple[float, bool]:
    """Value at `q` (0 to 1), and whether it is a mere lower bound: the quantile lies beyond the last finite bound.

    `buckets`: (upper bound, cumulative count) in any order; counts of equal bounds are added. The value has the
    bounds' unit. NaN when there is nothing to tell: no observations, no `+Inf` bucket, no finite bucket, or q is NaN;
    -Inf below 0 and +Inf above 1. Source: Prometheus `histogram_quantile`, promql/quantile.go.
    """
    if math.isnan(q):
        return math.nan, False
    if q < 0 or q > 1:
        return math.copysign(math.inf, q), False
    rising = _rising(buckets)
    if len(rising) < 2 or rising[-1][0] != math.inf or not rising[-1][1] > 0:
        return math.nan, False
    return _at_rank(q * rising[-1][1], rising)


def _at_rank(rank: float, rising: list[Bucket]) -> tuple[float, bool]:
    """The value at a rank (0 to the number of observations), linear within its bucket; the first bucket begins at 0,
    or has only its bound when that is not above 0."""
    start, below = min(0.0, rising[0][0]), 0.0
    for bound, count in rising[:-1]:
        if count >= rank:
            part = (rank - below) / (count - below) if count > below else 0.0
            return start + (bound - start) * part, False
        start, below = bound, count
    return start, True


def _rising(buckets: Iterable[Bucket]) -> list[Bucket]:
    """One bucket a bound, sorted, none counting less than the one before it."""
    by_bound = groupby(sorted(buckets), key=lambda one: one[0])
    merged = [(bound, math.fsum(count for _, count in same)) for bound, same in by_bound]
    return list(accumulate(merged, _not_less))


def _not_less(lower: Bucket, higher: Bucket) -> Bucket:
    # a bucket that counts less than a lower one was read at another moment
    noise = SAME_COUNT_PART * abs(higher[1])
    return (higher[0], lower[1] if higher[1] - lower[1] <= noise else higher[1])

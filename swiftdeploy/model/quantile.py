"""The quantile of a histogram of cumulative buckets, by Prometheus' rule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby, pairwise

# Prometheus takes neighbouring counts that differ by less than this part as equal (promql/quantile.go, smallDeltaTolerance).
SAME_COUNT_PART = 1e-12


def histogram_quantile(q: float, buckets: Iterable[tuple[float, float]]) -> tuple[float, bool]:
    """Value at `q` (0 to 1), and whether it is only a lower bound because the quantile lies beyond the last finite bound.

    `buckets`: (upper bound, cumulative count), in any order; counts of equal bounds are added. The value has the bounds' unit.
    NaN when there is nothing to tell: no observations, no `+Inf` bucket, no finite bucket, or q is NaN;
    -Inf below 0 and +Inf above 1. Source: Prometheus `histogram_quantile`, promql/quantile.go.
    """
    if math.isnan(q):
        return math.nan, False
    if q < 0 or q > 1:
        return math.copysign(math.inf, q), False
    rising = _rising(buckets)
    if len(rising) < 2 or rising[-1][0] != math.inf or not rising[-1][1] > 0:
        return math.nan, False
    return _interpolated(q * rising[-1][1], rising)


def _interpolated(rank: float, rising: list[tuple[float, float]]) -> tuple[float, bool]:
    """The value at a rank (0 to the number of observations), linear within its bucket."""
    start, below = (0.0 if rising[0][0] > 0 else rising[0][0]), 0.0
    for bound, count in rising[:-1]:
        if count >= rank:
            # max: no observation is below rank 0, and 0 / 0 has no value
            return start + (bound - start) * (rank - below) / max(count - below, rank - below, 1e-300), False
        start, below = bound, count
    return start, True


def _rising(buckets: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """One bucket a bound, sorted, none counting less than the one before it."""
    merged = [
        (bound, sum(count for _, count in same)) for bound, same in groupby(sorted(buckets), key=lambda one: one[0])
    ]
    return _monotonic(_without_float_noise(merged))


def _without_float_noise(buckets: list[tuple[float, float]]) -> list[tuple[float, float]]:
    clean = buckets[:1]
    for bound, count in buckets[1:]:
        before = clean[-1][1]
        same = abs(count - before) <= SAME_COUNT_PART * abs(count)
        clean.append((bound, before if same else count))
    return clean


def _monotonic(buckets: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The envelope: a bucket that counts less than a lower one was read at another moment."""
    clean = buckets[:1]
    clean += [(bound, 0.0) for bound, _ in buckets[1:]]
    for at, (_, (bound, count)) in enumerate(pairwise(buckets), start=1):
        clean[at] = (bound, max(count, clean[at - 1][1]))
    return clean

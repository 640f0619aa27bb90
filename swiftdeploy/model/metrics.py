"""What two scrapes of an instance say of its users between them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from swiftdeploy.model import pathlabel
from swiftdeploy.model.figures import Figures, Tally, Window, counted
from swiftdeploy.model.quantile import histogram_quantile
from swiftdeploy.model.scrape import Scrape

CONTAINER_HEALTH_SECONDS = 2.0  # between two polls of a container's own health check
CLOCK_SECONDS = 1.5
DROPPED = "dropped"  # beside the statuses of a probe: what nobody waited for
NEVER_COUNTED = frozenset({"/healthz", "/metrics", "/chaos"})


def ignored_paths(health_path: str, metrics_path: str) -> frozenset[str]:
    """Paths whose requests are no user's: the well-known three and the manifest's own two."""
    return NEVER_COUNTED | {health_path, metrics_path}


@dataclass(frozen=True)
class Own:
    """Our own requests to an instance between two scrapes, the probe's apart: scrapes (the first of the two is one:
    an app counts it after it has answered), and polls of its health path."""

    scrapes: int = 1
    health_polls: int = 0


ONLY_THE_FIRST = Own()


def window(
    first: Scrape | None,
    second: Scrape | None,
    probe: Tally | None,
    ignored: Collection[str] = NEVER_COUNTED,
    own: Own = ONLY_THE_FIRST,
) -> Window:
    """What happened between two scrapes of the same instance, requests to the `ignored` paths left out, and as many
    of our `own` as no label tells the path of.

    A counter that fell has grown by its later value, and so have all of them when another process answers. Users are
    the increase less the probe's and our own requests, never below zero. Without two usable scrapes they have no
    figures.
    """
    probe = probe if probe and probe.requests else None
    figures = probe.figures() if probe else None
    in_flight = second.in_flight if second else None
    if first is None or second is None:
        return Window(round(probe.seconds, 3) if probe else 0.0, in_flight, Figures(), figures)
    seen_by_app = None if probe and _is_left_out(probe, second, ignored) else probe
    users = _users(first, second, seen_by_app, ignored, own) if second.usable else Figures()
    return Window(round(second.at - first.at, 3), in_flight, users, figures)


def _is_left_out(probe: Tally, seen: Scrape, ignored: Collection[str]) -> bool:
    """Whether the probe's own requests are among those left out by their path."""
    path = probe.path.partition("?")[0]
    labels = (label for _, label, _ in seen.requests)
    return path in ignored and any(pathlabel.names_path(one) or pathlabel.is_one_of(one, (path,)) for one in labels)


def _users(first: Scrape, second: Scrape, probe: Tally | None, ignored: Collection[str], own: Own) -> Figures:
    sent = {**probe.statuses, DROPPED: probe.dropped} if probe else {}
    samples, errors = _counts(first, second, sent, ignored, own)
    total, told, untold, reset = _by_bound(first, second, ignored)
    buckets = _without(_without_fastest(total, _polls(own, told, untold, reset)), probe.latencies_ms if probe else ())
    p99_seconds, is_lower_bound = histogram_quantile(0.99, buckets.items())
    return counted(samples, errors, p99_seconds * 1000, is_lower_bound)


def _counts(
    first: Scrape, second: Scrape, sent: Mapping[str, int], ignored: Collection[str], own: Own
) -> tuple[int, int]:
    """How many requests users made, and how many of them failed. `sent`: what the probe sent, by its answers."""
    grown, reset = _grown(first, second)
    left = {
        status: max(0, round(count) - _of_status(status, sent)) for status, count in _by_status(grown, ignored).items()
    }
    errors = sum(count for status, count in left.items() if status.startswith("5"))
    # The app may or may not have counted what the probe gave up on: taken off the users' good requests, never off
    # their errors, so that it cannot make them look better. Our own polls likewise.
    given_up = sum(count for status, count in sent.items() if not status.isdigit())
    good = sum(count for status, count in left.items() if status.startswith("2"))
    told = sum(count for (path, _), count in grown.items() if pathlabel.is_one_of(path, ignored))
    untold = sum(count for (path, status), count in grown.items() if status.startswith("2") and _tells_nothing(path))
    polls = _polls(own, told, min(good, untold), reset)
    return max(errors, sum(left.values()) - given_up - polls), errors


def _tells_nothing(path: str | None) -> bool:
    return path is None or not pathlabel.names_path(path)


def _of_status(status: str, sent: Mapping[str, int]) -> int:
    """How many of what was sent an app counts as `200`, or as `2xx`."""
    if not status.endswith("xx"):
        return sent.get(status, 0)
    return sum(count for one, count in sent.items() if one.isdigit() and one[0] == status[0])


def _polls(own: Own, told: float, untold: float, reset: bool) -> int:
    """How many of the requests without a path are our own polls, those left out by their label (`told`) apart.

    Of the good ones that grew, at most all. Where fewer than half of our own are there, the app does not count them at
    all (its metrics page and its health path are outside what it measures), unless a reset has lost them.
    """
    sent = max(0, own.scrapes + own.health_polls - round(told))
    is_counted = reset or 2 * untold >= sent
    return min(sent, round(untold)) if is_counted else 0


def _grown(first: Scrape, second: Scrape) -> tuple[dict[tuple[str, str], float], bool]:
    """(Path, status) to the number of requests in the window, and whether a counter was reset in it. A reset is decided
    for each counter by itself. Another series than before counts from nothing: it was not there then."""
    grown: dict[tuple[str, str], float] = {}
    reset = _restarted(first, second)
    before = {} if reset or first.counter != second.counter else first.requests
    for key, later in second.requests.items():
        _, path, status = key
        earlier = before.get(key, 0.0)
        reset = reset or later < earlier
        grown[path, status] = grown.get((path, status), 0.0) + (later - earlier if later >= earlier else later)
    return grown, reset


def _by_status(grown: Mapping[tuple[str, str], float], ignored: Collection[str]) -> dict[str, float]:
    """Statuses to the number of requests, those to the `ignored` paths left out."""
    found: dict[str, float] = {}
    for (path, status), count in grown.items():
        if not pathlabel.is_one_of(path, ignored):
            found[status] = found.get(status, 0.0) + count
    return found


def _by_bound(first: Scrape, second: Scrape, ignored: Collection[str]) -> tuple[dict[float, float], float, float, bool]:
    """Upper bounds to cumulative counts of the window, over all series; how many requests were left out by their path,
    how many have no path; whether there was a reset. A reset of one bucket is a reset of all: with buckets from two
    lives, a histogram would have a shape that neither had."""
    before = first.buckets if first.histogram == second.histogram else {}
    reset = _restarted(first, second) or any(
        later < before.get(key, {}).get(bound, 0.0)
        for key, series in second.buckets.items()
        for bound, later in series.items()
    )
    total: dict[float, float] = {}
    told = untold = 0.0
    for key, series in second.buckets.items():
        path = dict(key).get("path")
        earlier = {} if reset else before.get(key, {})
        grown = {bound: later - earlier.get(bound, 0.0) for bound, later in series.items()}
        if path is not None and pathlabel.is_one_of(path, ignored):
            told += max(grown.values(), default=0.0)
            continue
        untold += max(grown.values(), default=0.0) if _tells_nothing(path) else 0.0
        for bound, count in grown.items():
            total[bound] = total.get(bound, 0.0) + count
    return total, told, untold, reset


def _restarted(first: Scrape, second: Scrape) -> bool:
    starts = (first.process_start, second.process_start)
    return None not in starts and starts[0] != starts[1]


def _without_fastest(buckets: Mapping[float, float], count: int) -> dict[float, float]:
    """The cumulative buckets less the fastest requests: our polls are no slower than users, as far as one can know, and
    no slow user goes in their stead."""
    return {bound: max(0.0, total - count) for bound, total in buckets.items()}


def _without(buckets: Mapping[float, float], latencies_ms: Iterable[float]) -> dict[float, float]:
    """The cumulative buckets less the probe's own requests, slowest first, each from the slowest bucket that its
    latency allows and that still holds a request.

    An approximation: the client's latency is never shorter than what the app measured, so a request of the probe is
    in the bucket of its client's latency or in a faster one. Where it was in a faster one, a user's request may go in
    its stead, but never one that was slower than what the probe itself reports.
    """
    bounds = sorted(buckets)
    counts = [buckets[bound] - (buckets[bounds[at - 1]] if at else 0.0) for at, bound in enumerate(bounds)]
    for latency in sorted(latencies_ms, reverse=True):
        at = min(bisect_left(bounds, latency / 1000), len(bounds) - 1)
        while at >= 0 and counts[at] < 1:
            at -= 1
        if at >= 0:
            counts[at] -= 1
    left, total = {}, 0.0
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        left[bound] = total
    return left


def another_process(first: Scrape, last: Scrape) -> bool:
    """Whether the later scrape is of another process: one that began at another time, or whose counters are lower."""
    fell = any(last.requests[key] < count for key, count in first.requests.items() if key in last.requests)
    return _restarted(first, last) or fell


def at_most_failed(users: Figures, errors: int) -> Figures:
    """Users of whom the proxy saw no more than so many `errors`: what an app counts beyond that is somebody else's, and
    then its durations are too."""
    if users.errors <= errors:
        return users
    return replace(users, errors=errors, error_rate_percent=round(100 * errors / users.samples, 4)).without_p99()


def several_workers(scrapes: Sequence[Scrape]) -> str | None:
    """Why consecutive scrapes of one instance are of several processes, each with counters of its own; None when they
    are of one. A single change to a newer start, or counters that begin anew once, is a restart."""
    starts = [one.process_start for one in scrapes if one.process_start is not None]
    if _returns(starts):
        return "its start time goes back and forth between scrapes, so several workers answer, each with its own counts"
    if _falls_back(scrapes):
        return "its counters go back and forth between scrapes, so several workers answer, each with its own counts"
    return None


def _returns(starts: Sequence[float]) -> bool:
    """Whether a start comes again after another one. A lone step back of a second is a clock that was corrected."""
    changes = [one for at, one in enumerate(starts) if not at or one != starts[at - 1]]
    steps_back = (before - after for before, after in pairwise(changes))
    return len(set(changes)) < len(changes) or any(step > CLOCK_SECONDS for step in steps_back)


def _falls_back(scrapes: Sequence[Scrape]) -> bool:
    """Whether the total falls in one life, or falls and is back in one leap, which a restarted counter is not."""
    highest = lowest = 0.0
    for before, now in pairwise(scrapes):
        earlier, later = sum(before.requests.values()), sum(now.requests.values())
        if before.counter != now.counter or before.process_start != now.process_start:
            highest = lowest = 0.0  # a new life, or a page of another kind
        elif later < earlier:
            if before.process_start is not None:
                return True
            highest, lowest = max(highest, earlier), later
        elif highest and earlier < highest <= later and later - earlier >= (highest - lowest) / 2:
            return True
    return False

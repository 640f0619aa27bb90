"""What two scrapes of an instance say of its users between them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping

from swiftdeploy.model.figures import Figures, Tally, Window, counted
from swiftdeploy.model.quantile import histogram_quantile
from swiftdeploy.model.scrape import Scrape

NEVER_COUNTED = frozenset({"/healthz", "/metrics", "/chaos"})


def ignored_paths(health_path: str, metrics_path: str) -> frozenset[str]:
    """Paths whose requests are no user's: the well-known three and the manifest's own two."""
    return NEVER_COUNTED | {health_path, metrics_path}


def window(
    first: Scrape | None, second: Scrape | None, probe: Tally | None, ignored: Collection[str] = NEVER_COUNTED
) -> Window:
    """What happened between two scrapes of the same instance, requests to the `ignored` paths left out.

    A counter that fell has grown by its later value, and so have all of them when another process answers. Users are
    the increase less the probe's own requests, never below zero. Without two usable scrapes they have no figures.
    """
    probe = probe if probe and probe.requests else None
    figures = probe.figures() if probe else None
    in_flight = second.in_flight if second else None
    if first is None or second is None:
        return Window(round(probe.seconds, 3) if probe else 0.0, in_flight, Figures(), figures)
    seen_by_app = probe if probe and probe.path.partition("?")[0] not in ignored else None
    users = _users(first, second, seen_by_app, ignored) if second.usable else Figures()
    return Window(round(second.at - first.at, 3), in_flight, users, figures)


def _users(first: Scrape, second: Scrape, probe: Tally | None, ignored: Collection[str]) -> Figures:
    own = probe.statuses if probe else {}
    left = {
        status: max(0, round(count) - own.get(status, 0))
        for status, count in _by_status(first, second, ignored).items()
    }
    errors = sum(count for status, count in left.items() if status.startswith("5"))
    # The app may or may not have counted what the probe gave up on: taken off the users' good requests, never off
    # their errors, so that it cannot make them look better.
    given_up = sum(count for status, count in own.items() if not status.isdigit())
    samples = max(errors, sum(left.values()) - given_up)
    buckets = _without(_by_bound(first, second, ignored), probe.latencies_ms if probe else ())
    p99_seconds, is_lower_bound = histogram_quantile(0.99, buckets.items())
    return counted(samples, errors, p99_seconds * 1000, is_lower_bound)


def _by_status(first: Scrape, second: Scrape, ignored: Collection[str]) -> dict[str, float]:
    """Status codes to the number of requests in the window. A reset is decided for each counter by itself."""
    grown: dict[str, float] = {}
    restarted = _restarted(first, second)
    for (method, path, status), later in second.requests.items():
        if path not in ignored:
            earlier = 0.0 if restarted else first.requests.get((method, path, status), 0.0)
            grown[status] = grown.get(status, 0.0) + (later - earlier if later >= earlier else later)
    return grown


def _by_bound(first: Scrape, second: Scrape, ignored: Collection[str]) -> dict[float, float]:
    """Upper bounds to cumulative counts of the window, over all series. A reset of one bucket is a reset of all: with
    buckets from two lives, a histogram would have a shape that neither had."""
    reset = _restarted(first, second) or any(
        later < first.buckets.get(key, {}).get(bound, 0.0)
        for key, series in second.buckets.items()
        for bound, later in series.items()
    )
    total: dict[float, float] = {}
    for key, series in second.buckets.items():
        if dict(key).get("path") not in ignored:
            earlier = {} if reset else first.buckets.get(key, {})
            for bound, later in series.items():
                total[bound] = total.get(bound, 0.0) + later - earlier.get(bound, 0.0)
    return total


def _restarted(first: Scrape, second: Scrape) -> bool:
    starts = (first.process_start, second.process_start)
    return None not in starts and starts[0] != starts[1]


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

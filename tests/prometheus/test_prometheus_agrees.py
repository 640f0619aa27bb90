"""A real Prometheus that scrapes a stack through its admin listener comes to the same figures as our windows.

Both see the same counters, because traffic flows only between two quiet times in which both scrape. Counts must be
equal. `increase` extrapolates to the ends of its range, so the range begins 1 ms before a scrape and ends at one: what
is extrapolated is 1 ms of some seconds. Tolerances: none for counts; 0.1 % for increase, rate and quantiles, beside the
0.0005 ms and 0.00005 % to which our windows round.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from project import Project

from swiftdeploy.model import metrics
from swiftdeploy.model.figures import Figures
from swiftdeploy.model.quantile import histogram_quantile
from swiftdeploy.model.scrape import Scrape, parse_scrape

PART = 0.001
JOBS = {"stable": "stable", "canary": "canary", "instance": "canary"}
USERS = 'path!~"/healthz|/metrics|/chaos"'
FAILED = ',status_code=~"5.."'
PATHS = ("/", "/", "/nothing")
# What users meet on the canary, and how many requests are sent in it. The slow ones are more than 1 %, so that the p99
# is theirs; no two faults share a bucket.
MIX: tuple[tuple[dict[str, Any], int], ...] = (
    ({"mode": "recover"}, 300),
    ({"mode": "error", "rate": 0.5}, 150),
    ({"mode": "slow", "duration": 0.06}, 60),
    ({"mode": "slow", "duration": 0.3}, 24),
)


@dataclass(frozen=True)
class Seen:
    """One job's scrapes: ours before and after the traffic, and when Prometheus scraped in the same quiet times."""

    job: str
    first: Scrape
    second: Scrape
    start: float
    end: float
    client: Counter[str]

    @property
    def range(self) -> str:
        return f"[{round((self.end - self.start) * 1000) + 1}ms]"

    def users(self, name: str, more: str = "") -> str:
        """A selector of this job's series, the service's own routes left out."""
        return f'{name}{{job="{self.job}",{USERS}{more}}}'

    def increase(self, name: str, more: str = "") -> str:
        return f"increase({self.users(name, more)}{self.range})"


def send(stack: Project, share: float) -> Counter[str]:
    """Requests of users, in every mood of the canary; `stable 200` and the like to their number."""
    seen: Counter[str] = Counter()
    with ThreadPoolExecutor(8) as crowd:
        for mood, number in MIX:
            admin(stack, "canary/chaos", json.dumps(mood).encode())
            paths = [PATHS[at % len(PATHS)] for at in range(math.ceil(number * share))]
            for status, headers, _ in crowd.map(stack.ask, paths):
                seen[f"{headers.get('X-Mode', 'stable')} {status}"] += 1
    admin(stack, "canary/chaos", b'{"mode": "recover"}')
    return seen


def admin(stack: Project, path: str, body: bytes | None = None) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.admin_port}/tracks/{path}", body, timeout=10) as answer:
        return str(answer.read().decode())


def scrape(stack: Project, track: str) -> Scrape:
    found = parse_scrape(admin(stack, f"{track}/metrics"), time.monotonic())
    assert found is not None
    return found


@pytest.fixture(scope="module")
def seen(stack: Project, prometheus: Any) -> dict[str, Seen]:
    """Quiet, traffic, quiet. Some traffic before it all: Prometheus does not know that a series that it meets for the
    first time was zero before."""
    send(stack, 0.5)
    begin = time.time()
    first = {track: scrape(stack, track) for track in ("stable", "canary")}
    starts = {job: prometheus.settled(job, begin) for job in JOBS}
    client = send(stack, 1.0)
    end = time.time()
    ends = {job: prometheus.settled(job, end) for job in JOBS}
    second = {track: scrape(stack, track) for track in ("stable", "canary")}
    return {job: Seen(job, first[track], second[track], starts[job], ends[job], client) for job, track in JOBS.items()}


@pytest.fixture(params=JOBS)
def one(request: pytest.FixtureRequest, seen: dict[str, Seen]) -> Seen:
    return seen[request.param]


@pytest.fixture
def ours(one: Seen) -> Figures:
    return metrics.window(one.first, one.second, None).users


def test_the_counters_of_every_series_are_the_same_in_both(prometheus: Any, one: Seen) -> None:
    scraped = prometheus.series(one.users("http_requests_total"), one.start, one.end)
    for at, mine in ((0, one.first), (-1, one.second)):
        theirs = {labels: points[at][1] for labels, points in scraped.items()}
        assert theirs == {
            frozenset({("method", method), ("path", path), ("status_code", status)}): count
            for (method, path, status), count in mine.requests.items()
            if path not in metrics.NEVER_COUNTED
        }


def test_the_window_counts_what_the_clients_saw(one: Seen, ours: Figures) -> None:
    mine = {word: count for word, count in one.client.items() if word.startswith(JOBS[one.job])}
    assert ours.samples == sum(mine.values()) > 100
    assert ours.errors == sum(count for word, count in mine.items() if word.endswith("500"))
    assert (ours.errors > 0) == (JOBS[one.job] == "canary")


def test_samples_and_errors_are_its_increase(prometheus: Any, one: Seen, ours: Figures) -> None:
    total = prometheus.value(f"sum({one.increase('http_requests_total')})", one.end)
    assert total == pytest.approx(ours.samples, rel=PART)
    failed = prometheus.values(f"sum({one.increase('http_requests_total', FAILED)})", one.end)
    assert sum(failed.values()) == pytest.approx(ours.errors, rel=PART)


def test_requests_a_second_are_its_rate(prometheus: Any, one: Seen, ours: Figures) -> None:
    rate = prometheus.value(f"sum(rate({one.users('http_requests_total')}{one.range}))", one.end)
    assert rate == pytest.approx(ours.samples / (one.end - one.start), rel=PART)


def test_the_error_rate_is_its_ratio_of_rates(prometheus: Any, one: Seen, ours: Figures) -> None:
    failed = f"(sum({one.increase('http_requests_total', FAILED)}) or vector(0))"
    percent = prometheus.value(f"100 * {failed} / sum({one.increase('http_requests_total')})", one.end)
    assert ours.error_rate_percent == pytest.approx(percent, rel=PART, abs=0.00005)
    assert (percent > 1) == (JOBS[one.job] == "canary")


def test_the_p99_is_its_histogram_quantile(prometheus: Any, one: Seen, ours: Figures) -> None:
    buckets = f"sum by (le) ({one.increase('http_request_duration_seconds_bucket')})"
    p99_ms = 1000 * prometheus.value(f"histogram_quantile(0.99, {buckets})", one.end)
    assert ours.p99_latency_ms == pytest.approx(p99_ms, rel=PART, abs=0.0005)
    assert not ours.p99_is_lower_bound
    assert JOBS[one.job] == "stable" or 250 < p99_ms <= 500  # the bucket of the slowest fault


@pytest.mark.parametrize("q", [0, 0.25, 0.5, 0.9, 0.95, 0.999, 1])
def test_any_quantile_is_its_histogram_quantile(prometheus: Any, one: Seen, q: float) -> None:
    buckets = f"sum by (le) ({one.increase('http_request_duration_seconds_bucket')})"
    theirs = prometheus.value(f"histogram_quantile({q}, {buckets})", one.end)
    value, _ = histogram_quantile(q, grown(one.first, one.second))
    assert value == pytest.approx(theirs, rel=PART)


def test_a_restart_in_the_window_is_a_reset_in_both(stack: Project, prometheus: Any, canary_id: str) -> None:
    # Less traffic after it than before, else Prometheus, which goes by the counters alone, could miss the reset
    send(stack, 1.0)
    begin = time.time()
    first, start = scrape(stack, "canary"), prometheus.settled("canary", begin)
    kill(stack, canary_id)
    while_down(stack, first)
    send(stack, 0.5)
    end = prometheus.settled("canary", time.time())
    one = Seen("canary", first, scrape(stack, "canary"), start, end, Counter())
    ours = metrics.window(one.first, one.second, None).users
    total = prometheus.value(f"sum({one.increase('http_requests_total')})", end)
    failed = prometheus.value(f"sum({one.increase('http_requests_total', FAILED)})", end)
    buckets = f"sum by (le) ({one.increase('http_request_duration_seconds_bucket')})"
    p99_ms = 1000 * prometheus.value(f"histogram_quantile(0.99, {buckets})", end)
    assert (total, failed) == (pytest.approx(ours.samples, rel=PART), pytest.approx(ours.errors, rel=PART))
    assert ours.errors > 0
    assert ours.p99_latency_ms == pytest.approx(p99_ms, rel=PART, abs=0.0005)


def kill(stack: Project, instance: str) -> None:
    (process,) = (one for one in stack.processes() if one.environ().get("APP_INSTANCE") == instance)
    process.kill()


def while_down(stack: Project, before: Scrape) -> None:
    """Wait until another process answers in the canary's place."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if scrape(stack, "canary").process_start != before.process_start:
                return
        time.sleep(0.1)
    raise AssertionError("the canary did not come back")


def grown(first: Scrape, second: Scrape) -> Iterator[tuple[float, float]]:
    for labels, series in second.buckets.items():
        if dict(labels)["path"] not in metrics.NEVER_COUNTED:
            yield from ((bound, count - first.buckets[labels][bound]) for bound, count in series.items())

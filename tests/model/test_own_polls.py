"""Our own polls are never users, an app's errors are never ours, and several workers behind one page are noticed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.model.figures import Figures, Tally
from swiftdeploy.model.metrics import Own, ignored_paths, several_workers, window
from swiftdeploy.model.scrape import Scrape

IGNORED = ignored_paths("/healthz", "/metrics")


def scrape(
    good: int = 0, bad: int = 0, path: str = "", start: float | None = 1.0, status: str = "200", at: float = 0.0
) -> Scrape:
    """An app that counts by status, with its path label, if it has one, at `path`."""
    requests = {("GET", path, status): float(good), ("GET", path, f"5{status[1:]}"): float(bad)}
    return Scrape(at, requests, usable=True, process_start=start, tells_path=bool(path))


def users(first: Scrape, second: Scrape, own: Own, probe: Tally | None = None) -> Figures:
    return window(first, second, probe, IGNORED, own).users


@pytest.mark.parametrize("status", ["200", "2xx"])
def test_without_a_path_what_we_sent_is_taken_off(status: str) -> None:
    seen = users(scrape(status=status), scrape(140, 3, status=status), Own(101, 15))
    assert (seen.samples, seen.errors) == (27, 3)


def test_a_path_that_is_told_leaves_users_alone() -> None:
    assert users(scrape(path="/"), scrape(40, path="/"), Own(30)).samples == 40


@pytest.mark.parametrize("label", ["unknown", "none", "<unnamed view>", "index"])
def test_a_label_that_names_no_path_tells_nothing(label: str) -> None:
    assert users(scrape(path=label), scrape(40, path=label), Own(30)).samples == 10


def test_polls_that_a_label_has_told_are_not_taken_off_again() -> None:
    told = {("GET", "/metrics", "200"): 30.0, ("GET", "unknown", "200"): 12.0}
    assert users(Scrape(0.0), Scrape(9.0, told, usable=True), Own(30)).samples == 12


def test_an_app_that_does_not_count_its_own_page_keeps_its_users() -> None:
    assert users(scrape(), scrape(7, 2), Own(20)).samples == 9


def test_a_scrape_that_was_not_counted_in_time_makes_no_user() -> None:
    assert users(scrape(), scrape(19), Own(20)) == Figures()


def test_after_a_restart_lost_polls_make_no_users() -> None:
    assert users(scrape(50, start=1.0), scrape(3, start=2.0), Own(20)) == Figures()


def test_errors_are_never_taken_for_ours() -> None:
    seen = users(scrape(), scrape(0, 30), Own(30))
    assert (seen.samples, seen.errors) == (30, 30)


def test_the_probe_and_our_polls_are_both_taken_off() -> None:
    probe = Tally(100, 0, (1.0,) * 100, {"200": 100}, 2.0)
    assert users(scrape(), scrape(117, 1), Own(10), probe).samples == 8


def test_a_probe_is_taken_off_a_class_of_statuses() -> None:
    probe = Tally(100, 2, (1.0,) * 100, {"200": 90, "204": 8, "503": 2}, 2.0)
    seen = users(scrape(status="2xx"), scrape(118, 5, status="2xx"), Own(0), probe)
    assert (seen.samples, seen.errors) == (23, 3)


def test_a_probe_of_the_health_path_is_taken_off_where_no_label_tells_it() -> None:
    probe = Tally(100, 0, (1.0,) * 100, {"200": 100}, 2.0, "/healthz")
    assert users(scrape(), scrape(120), Own(0), probe).samples == 20


def test_a_probe_of_the_health_path_is_left_out_where_the_name_of_a_view_tells_it() -> None:
    probe = Tally(100, 0, (1.0,) * 100, {"200": 100}, 2.0, "/healthz")
    told = {("GET", "healthz", "200"): 100.0, ("GET", "index", "200"): 12.0}
    assert users(Scrape(0.0), Scrape(9.0, told, usable=True), Own(0), probe).samples == 12


def test_slow_users_stay_in_the_histogram() -> None:
    buckets = {(): {0.1: 100.0, 5.0: 104.0, math.inf: 104.0}}
    after = Scrape(9.0, {("GET", "", "200"): 104.0}, buckets, usable=True)
    seen = users(Scrape(0.0), after, Own(100))
    assert seen.samples == 4
    assert seen.p99_latency_ms is not None
    assert seen.p99_latency_ms > 4000


counts = st.integers(0, 300)


@settings(max_examples=80, deadline=None)
@given(counts, counts, st.integers(0, 100), st.integers(0, 20))
def test_users_are_exact_where_our_polls_are_counted(good: int, bad: int, scrapes: int, polls: int) -> None:
    seen = users(scrape(), scrape(good + scrapes + polls, bad), Own(scrapes, polls))
    assert (seen.samples, seen.errors) == (good + bad, bad)


@settings(max_examples=80, deadline=None)
@given(counts, counts, st.integers(0, 400), st.integers(0, 40))
def test_no_poll_hides_an_error_or_adds_a_user(good: int, bad: int, scrapes: int, polls: int) -> None:
    seen = users(scrape(), scrape(good, bad), Own(scrapes, polls))
    assert seen.errors == bad
    assert bad <= seen.samples <= good + bad


def lives(*seen: tuple[float | None, int]) -> list[Scrape]:
    return [scrape(count, start=start, at=float(at)) for at, (start, count) in enumerate(seen)]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        pytest.param(lives((7.0, 5), (9.0, 2), (7.0, 6)), "start time", id="A, B, A by start"),
        pytest.param(lives((9.0, 5), (7.0, 9)), "start time", id="an older one answers"),
        pytest.param(lives((7.0, 90), (7.0, 40)), "counters", id="fewer in one life"),
        pytest.param(lives((None, 90), (None, 40), (None, 95)), "counters", id="A, B, A by counts"),
        pytest.param(lives((None, 90), (None, 40), (None, 41), (None, 99)), "counters", id="A, B, B, A by counts"),
    ],
)
def test_several_workers_are_noticed(seen: list[Scrape], words: str) -> None:
    assert words in str(several_workers(seen))


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param([], id="nothing"),
        pytest.param(lives((7.0, 5), (7.0, 5), (7.0, 90)), id="one process"),
        pytest.param(lives((7.0, 90), (9.0, 3), (9.0, 95)), id="a restart"),
        pytest.param(lives((8.0, 5), (7.0, 9), (7.0, 12)), id="a corrected clock"),
        pytest.param(lives((None, 90), (None, 3), (None, 8)), id="counters begin anew"),
        pytest.param(lives(*((None, count) for count in (20, 0, 5, 10, 15, 20, 25))), id="and grow as before"),
    ],
)
def test_one_worker_is_one(seen: list[Scrape]) -> None:
    assert several_workers(seen) is None


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.integers(0, 20))
def test_a_process_that_is_restarted_once_is_never_several(steps: list[int], restarts_at: int) -> None:
    total, seen = 0, []
    for at, step in enumerate(steps):
        total = step if at == restarts_at else total + step
        seen.append(scrape(total, start=2.0 if at >= restarts_at else 1.0))
    assert several_workers(seen) is None

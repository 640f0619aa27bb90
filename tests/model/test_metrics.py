"""Windows count what happened between two scrapes, and neither users nor probe can thin the other out."""

import math
from bisect import bisect_left
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from swiftdeploy.model import evidence
from swiftdeploy.model.figures import Figures, Tally, Window, exact
from swiftdeploy.model.metrics import ignored_paths, window
from swiftdeploy.model.scrape import Scrape

BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, math.inf]
ROOT = (("path", "/"),)


def histogram(seconds):
    """Cumulative buckets of some latencies."""
    return {bound: float(sum(one <= bound for one in seconds)) for bound in BOUNDS}


def scrape(at=0.0, counts=None, latencies=(), start=1.0, path="/", **more):
    """A scrape of an app that answered `counts` (status to number) with `latencies` in seconds."""
    requests = {("GET", path, status): float(count) for status, count in (counts or {}).items()}
    buckets = {(("path", path),): histogram(latencies)}
    return Scrape(at=at, requests=requests, buckets=buckets, usable=True, process_start=start, **more)


def tally(latencies_ms, statuses=None, path="/"):
    statuses = {"200": len(latencies_ms)} if statuses is None else statuses
    errors = sum(count for status, count in statuses.items() if status[0] not in "23")
    return Tally(len(latencies_ms), errors, tuple(latencies_ms), statuses, 2.0, path)


def users(first, second, probe=None, ignored=frozenset()):
    return window(first, second, probe, ignored).users


def test_the_error_rate_is_of_the_window_and_not_of_a_lifetime():
    before = scrape(0, {"200": 1_000_000})
    after = scrape(30, {"200": 1_000_000, "500": 9_000})
    assert users(before, after) == Figures(9_000, 9_000, 100.0, None, False)


def test_only_5xx_are_errors():
    seen = users(scrape(), scrape(30, {"200": 50, "301": 10, "404": 30, "499": 5, "500": 4, "503": 1}))
    assert (seen.samples, seen.errors, seen.error_rate_percent) == (100, 5, 5.0)


def test_the_real_length_is_recorded():
    assert window(scrape(100.0), scrape(102.3456), None).seconds == 2.346


def test_a_counter_that_fell_has_grown_by_its_later_value():
    seen = users(scrape(0, {"200": 90, "500": 5}), scrape(30, {"200": 40, "500": 6}))
    assert (seen.samples, seen.errors) == (41, 1)


def test_a_new_process_has_grown_by_all_it_counts_even_where_that_is_more():
    seen = users(scrape(0, {"200": 10}, start=1.0), scrape(30, {"200": 500, "500": 20}, start=9.0))
    assert (seen.samples, seen.errors) == (520, 20)


def test_a_new_series_has_grown_by_all_it_counts():
    assert users(scrape(0, {"200": 10}), scrape(30, {"200": 10, "500": 7})).errors == 7


def test_one_bucket_that_fell_resets_the_whole_histogram():
    fast_then, slow_now = [0.001] * 50, [0.001] * 40 + [2.0] * 60
    first = scrape(0, {"200": 50}, fast_then, start=None)
    second = scrape(30, {"200": 100}, slow_now, start=None)
    alone = users(scrape(start=None), scrape(30, {"200": 100}, slow_now, start=None))
    assert users(first, second).p99_latency_ms == alone.p99_latency_ms == 2475.0


def test_one_series_that_fell_resets_the_histograms_of_the_other_routes():
    first = Scrape(0.0, buckets={ROOT: histogram([0.001] * 9), (("path", "/a"),): histogram([0.001] * 9)}, usable=True)
    second = Scrape(
        30.0,
        requests={("GET", "/", "200"): 8.0, ("GET", "/a", "200"): 100.0},
        buckets={ROOT: histogram([0.001] * 8), (("path", "/a"),): histogram([0.001] * 9 + [0.7] * 91)},
        usable=True,
    )
    from_nothing = users(Scrape(0.0, usable=True), second)
    assert users(first, second).p99_latency_ms == from_nothing.p99_latency_ms


def test_routes_are_summed_by_bound():
    first = Scrape(0.0, usable=True)
    requests = {("GET", "/", "200"): 98.0, ("GET", "/slow", "200"): 2.0}
    buckets = {ROOT: histogram([0.001] * 98), (("path", "/slow"),): histogram([2.0] * 2)}
    seen = users(first, Scrape(30.0, requests, buckets, usable=True))
    assert seen.p99_latency_ms == 1750.0  # half-way through the bucket from 1 to 2.5 s


def test_beyond_the_last_bucket_the_p99_is_a_lower_bound():
    seen = users(scrape(), scrape(30, {"200": 100}, [0.01] * 90 + [20.0] * 10))
    assert (seen.p99_latency_ms, seen.p99_is_lower_bound) == (10_000.0, True)


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/chaos", "/live", "/stats"])
def test_own_and_health_requests_never_count(path):
    before, after = scrape(path=path), scrape(30, {"200": 500, "500": 500}, [3.0] * 1000, path=path)
    assert users(before, after, ignored=ignored_paths("/live", "/stats")) == Figures()


def test_an_app_without_request_counters_is_judged_by_the_probe_alone():
    first, second = Scrape(0.0), Scrape(2.0, in_flight=3)
    seen = window(first, second, tally([10.0] * 300))
    assert seen == Window(2.0, 3, Figures(), Figures(300, 0, 0.0, 10.0, False))


@pytest.mark.parametrize(("first", "second"), [(None, None), (None, scrape(9)), (scrape(9), None)])
def test_without_two_scrapes_there_are_no_users(first, second):
    seen = window(first, second, tally([10.0] * 300))
    assert seen.users == Figures()
    assert seen.seconds == 2.0


def test_no_traffic_is_no_evidence_and_never_zero_percent():
    facts = canary_facts(window(scrape(0, {"200": 5}), scrape(30, {"200": 5}), None))
    assert (facts["error_rate_percent"], facts["p99_latency_ms"], facts["samples"]) == (None, None, 0)


def test_a_probe_that_sent_nothing_is_no_probe():
    assert window(scrape(), scrape(30, {"200": 5}), tally([])).probe is None


def test_three_failing_users_are_not_thinned_out_by_300_clean_probes():
    clean = tally([2.0] * 300)
    after = scrape(2, {"200": 322, "500": 3}, [0.002] * 325)
    facts = canary_facts(window(scrape(), after, clean))
    assert (facts["error_rate_percent"], facts["samples"]) == (12.0, 325)


def test_three_slow_users_are_not_thinned_out_by_300_fast_probes():
    fast = tally([7.0] * 300)  # the client waits a little longer than the app works: the next bucket
    after = scrape(2, {"200": 325}, [0.004] * 322 + [2.0] * 3)
    assert canary_facts(window(scrape(), after, fast))["p99_latency_ms"] > 1000


def test_a_failing_probe_is_not_thinned_out_by_many_clean_users():
    failing = tally([2.0] * 300, {"200": 294, "500": 6})
    after = scrape(2, {"200": 100_294, "500": 6}, [0.002] * 100_300)
    facts = canary_facts(window(scrape(), after, failing))
    assert facts["error_rate_percent"] == 2.0
    assert facts["sources"]["users"]["error_rate_percent"] == 0.0


def canary_facts(seen, stable=None, enough=20):
    return evidence.canary_facts(seen, stable, enough)


def with_proxy(seen, samples, errors=0, latency_ms=2.0):
    return replace(seen, proxy=exact(samples, errors, [latency_ms] * samples))


def test_the_proxy_alone_can_make_the_worst_of_three():
    clean = window(scrape(), scrape(2, {"200": 400}, [0.001] * 400), tally([2.0] * 300))
    failing = canary_facts(with_proxy(clean, 120, errors=6))
    assert (failing["error_rate_percent"], failing["sources"]["proxy"]["errors"]) == (5.0, 6)
    assert failing["sources"]["users"]["errors"] == failing["sources"]["probe"]["errors"] == 0
    assert canary_facts(with_proxy(clean, 120, latency_ms=3000.0))["p99_latency_ms"] == 3000.0


def test_a_clean_proxy_thins_out_nobody():
    failing = window(scrape(), scrape(2, {"200": 390, "500": 10}), tally([2.0] * 300))
    assert canary_facts(with_proxy(failing, 100_000))["error_rate_percent"] == 10.0


def test_a_request_that_app_and_proxy_saw_is_one_sample():
    seen = window(scrape(), scrape(2, {"200": 400}), tally([2.0] * 300))
    assert evidence.samples(with_proxy(seen, 90)) == 300 + 100
    assert evidence.samples(with_proxy(seen, 130)) == 300 + 130


@given(st.tuples(*[st.integers(0, 60)] * 4), st.booleans())
def test_no_source_that_counts_is_better_than_what_the_gate_gets(counts, probed):
    of_users, bad_users, of_proxy, bad_proxy = counts
    after = scrape(2, {"200": of_users, "500": bad_users})
    seen = window(scrape(), after, None)
    seen = with_proxy(
        replace(seen, probe=exact(100, 1, [1.0] * 100) if probed else None), of_proxy + bad_proxy, bad_proxy
    )
    facts = canary_facts(seen)
    for one in (seen.users, seen.proxy, seen.probe or Figures()):
        if one.samples >= 20:
            assert facts["error_rate_percent"] >= one.error_rate_percent
    assert facts["samples"] <= (100 if probed else 0) + max(seen.users.samples, seen.proxy.samples)


def test_probes_that_the_app_never_answered_do_not_make_users():
    gave_up = tally([5000.0] * 300, {"timeout": 300})
    assert users(scrape(), scrape(10, {"200": 300}, [6.0] * 300), gave_up).samples == 0


def test_a_probe_of_the_health_path_is_not_taken_off_the_users():
    probe = tally([2.0] * 300, path="/healthz?deep=1")
    assert (
        users(scrape(), scrape(2, {"200": 25}, [0.2] * 25), probe, ignored_paths("/healthz", "/metrics")).samples == 25
    )


def test_the_stable_track_is_shown_beside_and_decides_nothing():
    judged = window(scrape(), scrape(30, {"200": 100}, [0.002] * 100), None)
    stable = window(scrape(), scrape(30, {"500": 100}, [2.0] * 100), None)
    facts = canary_facts(judged, stable)
    assert facts["error_rate_percent"] == 0.0
    assert facts["sources"]["stable"]["error_rate_percent"] == 100.0


def test_the_gate_gets_exactly_the_documented_fields():
    facts = canary_facts(window(scrape(), scrape(30, {"200": 100}, [0.002] * 100, in_flight=4), tally([1.0])))
    assert list(facts) == [
        "error_rate_percent", "error_rate_seen_percent", "error_rate_said", "p99_latency_ms", "p99_latency_seen_ms",
        "p99_latency_said", "p99_is_lower_bound", "window_seconds", "samples", "in_flight", "versus_stable", "sources",
        "notes",
    ]  # fmt: skip
    assert facts["in_flight"] == 4
    assert list(facts["sources"]) == ["users", "probe", "proxy", "stable", "stable_proxy"]
    for source in facts["sources"].values():
        assert list(source) == [
            "samples", "errors", "error_rate_percent", "error_rate_low_percent", "error_rate_high_percent",
            "p99_latency_ms", "p99_latency_low_ms", "p99_is_lower_bound",
        ]  # fmt: skip


def test_figures_are_rounded_before_a_judge_sees_them():
    seen = tally([1.23456789] * 3, {"200": 2, "500": 1}).figures()
    assert (seen.error_rate_percent, seen.p99_latency_ms) == (33.3333, 1.235)


@pytest.mark.parametrize(("slow", "p99"), [(0, 1.0), (1, 1.0), (2, 900.0)])
def test_the_p99_of_own_latencies_is_the_nearest_rank(slow, p99):
    assert tally([1.0] * (100 - slow) + [900.0] * slow).figures().p99_latency_ms == p99


@pytest.mark.parametrize(("unfinished", "is_lower_bound"), [(0, False), (3, False), (4, True), (300, True)])
def test_a_p99_among_unfinished_requests_is_a_lower_bound(unfinished, is_lower_bound):
    seen = tally([1.0] * (300 - unfinished) + [5000.0] * unfinished, {"200": 300 - unfinished, "timeout": unfinished})
    assert seen.figures().p99_is_lower_bound == is_lower_bound


counts = st.dictionaries(st.sampled_from(["200", "302", "404", "500", "503"]), st.integers(0, 500), max_size=5)
growth = st.lists(counts, min_size=3, max_size=3)
seconds = st.floats(0.0001, 20)
statuses = st.dictionaries(st.sampled_from(["200", "404", "500", "timeout", "connection"]), st.integers(0, 60))


@settings(max_examples=60, deadline=None)
@given(growth)
def test_two_windows_in_a_row_make_the_whole_window(steps):
    total, scrapes = Counter(), []
    for at, step in enumerate(steps):
        total.update(step)
        scrapes.append(scrape(at, dict(total)))
    first, middle, last = scrapes
    whole, one, two = users(first, last), users(first, middle), users(middle, last)
    assert (whole.samples, whole.errors) == (one.samples + two.samples, one.errors + two.errors)


@settings(max_examples=60, deadline=None)
@given(counts, counts)
def test_after_a_new_process_start_nothing_of_the_old_life_counts(before, after):
    reborn = scrape(30, after, start=2.0)
    assert users(scrape(0, before, start=1.0), reborn) == users(scrape(0, {}, start=2.0), reborn)


@settings(max_examples=60, deadline=None)
@given(counts, counts, statuses, st.lists(seconds, max_size=40), st.lists(seconds, max_size=40))
def test_users_are_never_less_than_nothing(before, after, own, then, now):
    probe = tally([1.0] * sum(own.values()), own)
    seen = users(scrape(0, before, then, start=None), scrape(30, after, now, start=None), probe)
    assert 0 <= seen.errors <= seen.samples
    assert seen.error_rate_percent is None or 0 <= seen.error_rate_percent <= 100
    assert seen.p99_latency_ms is None or seen.p99_latency_ms >= 0


@settings(max_examples=60, deadline=None)
@given(st.lists(seconds, min_size=20, max_size=60), st.lists(seconds, min_size=1, max_size=60), counts, counts)
def test_what_is_left_without_the_probe_is_what_users_alone_would_show(theirs, ours, of_users, of_probe):
    assume(sum(of_probe.values()))
    both = Counter(of_users) + Counter(of_probe)
    probe = Tally(sum(of_probe.values()), 0, tuple(one * 1000 for one in ours), of_probe, 2.0)
    mixed = users(scrape(), scrape(2, dict(both), theirs + ours), probe)
    assert mixed == users(scrape(), scrape(2, dict(of_users), theirs))


@settings(max_examples=60, deadline=None)
@given(st.lists(seconds, min_size=20, max_size=50), st.lists(seconds, min_size=20, max_size=50), st.data())
def test_the_gate_gets_the_worse_of_both_sources(theirs, ours, data):
    bad, failed = data.draw(st.integers(0, len(theirs))), data.draw(st.integers(0, len(ours)))
    probe = tally([one * 1000 for one in ours], {"200": len(ours) - failed, "500": failed})
    after = scrape(2, {"200": len(theirs) - bad + len(ours) - failed, "500": bad + failed}, theirs + ours)
    facts = canary_facts(window(scrape(), after, probe))
    alone = users(scrape(), scrape(2, {"200": len(theirs) - bad, "500": bad}, theirs))
    assert facts["error_rate_percent"] == max(alone.error_rate_percent, probe.figures().error_rate_percent)
    assert facts["p99_latency_ms"] == max(alone.p99_latency_ms, probe.figures().p99_latency_ms)
    assert facts["samples"] == len(theirs) + len(ours)


brief = st.floats(0.0001, 0.2)


@settings(max_examples=60, deadline=None)
@given(st.lists(brief, min_size=20, max_size=50), st.floats(0.51, 20), st.lists(brief, min_size=1, max_size=150), brief)
def test_a_client_that_waits_longer_than_the_app_works_hides_no_slower_user(theirs, slow, ours, late):
    after = scrape(2, {"200": len(theirs) + 1 + len(ours)}, [*theirs, slow, *ours])
    probe = tally([(one + late) * 1000 for one in ours])
    bucket_begins = BOUNDS[bisect_left(BOUNDS, slow) - 1]
    assert canary_facts(window(scrape(), after, probe))["p99_latency_ms"] >= 1000 * bucket_begins


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_at_least_99_percent_of_own_latencies_are_within_their_p99(latencies):
    p99 = tally(latencies).figures().p99_latency_ms
    assert sum(round(one, 3) <= p99 for one in latencies) >= 0.99 * len(latencies)
    assert any(round(one, 3) == p99 for one in latencies)

"""The worst of all sources counts, a small one by what it proves, and no source can thin out another."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.model.evidence import FLAWLESS, PLENTY, canary_facts, in_words, samples, without_doubt
from swiftdeploy.model.figures import Figures, Window, exact

NOTHING = Figures()


def of(samples: int, errors: int = 0, latency_ms: float = 10.0) -> Figures:
    return exact(samples, errors, [latency_ms] * samples)


def window(users=NOTHING, probe=None, proxy=NOTHING, **more) -> Window:
    return Window(10.0, 0, users, probe, proxy, **more)


def facts(stable=None, enough=100, **sources):
    return canary_facts(window(**sources), stable, enough)


def test_a_source_of_enough_samples_counts_as_it_is():
    found = facts(users=of(100, 3))
    assert (found["error_rate_percent"], found["error_rate_seen_percent"]) == (3.0, 3.0)
    assert found["error_rate_said"] == "3 of 100 requests of users failed"


def test_a_small_source_counts_by_the_least_that_it_proves():
    found = facts(users=of(7, 7), probe=of(300))
    assert found["error_rate_percent"] == pytest.approx(37.2759)
    assert found["error_rate_seen_percent"] == 100.0


def test_bad_luck_of_few_is_a_doubt_and_no_proof():
    found = facts(users=of(5, 1), probe=of(300))
    assert found["error_rate_percent"] < 0.1
    assert found["error_rate_seen_percent"] == 20.0
    assert found["error_rate_said"] == "1 of 5 requests of users failed"


def test_one_slow_request_among_few_is_neither_proof_nor_doubt():
    few = exact(20, 0, [10.0] * 19 + [900.0])
    found = facts(proxy=few, probe=of(300))
    assert found["p99_latency_ms"] == found["p99_latency_seen_ms"] == 10.0


def test_three_slow_of_twenty_are_a_doubt_and_ten_a_proof():
    assert facts(proxy=exact(20, 0, [10.0] * 17 + [900.0] * 3), probe=of(300))["p99_latency_seen_ms"] == 900.0
    assert facts(proxy=exact(20, 0, [10.0] * 10 + [900.0] * 10), probe=of(300))["p99_latency_ms"] == 900.0


def test_answers_that_stream_count_for_errors_and_not_for_the_p99():
    mixed = exact(200, 50, [10.0] * 40)
    found = facts(proxy=mixed)
    assert found["error_rate_percent"] == 25.0
    assert found["p99_latency_ms"] is not None
    assert found["p99_latency_said"] == "40 requests of users by the proxy's log"


@given(st.integers(1, 400), st.integers(0, 400), st.integers(0, 3000))
def test_no_source_thins_out_another(count, errors, probed):
    users = of(count, min(errors, count))
    alone, beside = facts(users=users), facts(users=users, probe=of(probed) if probed else None)
    assert beside["error_rate_percent"] >= alone["error_rate_percent"]
    assert beside["error_rate_seen_percent"] >= alone["error_rate_seen_percent"]


def test_requests_that_app_and_proxy_saw_are_counted_once():
    assert samples(window(users=of(40), proxy=of(50), probe=of(100))) == 150


def test_no_traffic_is_no_figure():
    found = facts()
    assert (found["samples"], found["error_rate_percent"], found["p99_latency_ms"]) == (0, None, None)


def test_a_probe_of_several_paths_counts_whole_and_by_path():
    paths = {"/": of(150), "/api": of(150, 15)}
    found = facts(probe=of(300, 15), paths=paths, said={"probe": "probe of /api answered 500 on 15 of 150"})
    assert found["error_rate_percent"] == 10.0
    assert found["error_rate_said"] == "probe of /api answered 500 on 15 of 150"


def test_users_who_all_stream_are_not_slow_and_no_reason_to_deny():
    seen = replace(of(112), p99_latency_ms=20.0).without_p99()
    found = facts(users=seen, proxy=exact(112, 0, []))
    assert (found["p99_latency_ms"], found["samples"]) == (0.0, 112)


def test_stable_is_compared_by_the_source_that_the_p99_is_from():
    stable = Window(10.0, 0, of(300, latency_ms=5.0), None, of(300, latency_ms=1530.0))
    found = facts(stable, proxy=of(300, latency_ms=1552.0), users=of(300, latency_ms=7.0))
    assert found["versus_stable"]["p99_latency_ms"] == 1530.0
    assert found["versus_stable"]["p99_increase_percent"] == pytest.approx(1.4379)
    assert found["p99_latency_said"].endswith("by the proxy's log; stable's p99 is 1530.0 in the same window")
    probed = facts(stable, probe=of(300, latency_ms=1552.0))
    assert probed["versus_stable"]["p99_latency_ms"] is None, "nobody probes stable"


def test_without_doubt_the_same_figures_have_plenty_of_samples():
    found = without_doubt(facts(users=of(5, 1), probe=of(30)), 100)
    assert found["versus_stable"]["p99_increase_percent"] == 0.0, "stable may turn out as slow"
    assert found["samples"] == PLENTY
    assert found["error_rate_seen_percent"] == found["error_rate_percent"] < 0.1
    assert set(FLAWLESS) <= set(found)


def test_the_sources_that_had_evidence_are_named_with_two_digits():
    said = in_words(facts(users=of(52, 1), probe=of(300)))
    assert said == "users 52 (errors 1.92 %, p99 10.00 ms), probe 300 (errors 0.00 %, p99 10.00 ms)"
    assert in_words(facts()) == "no evidence yet"

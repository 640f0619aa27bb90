"""The proxy's log says what clients of an instance met, whatever else is in it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.model.figures import Figures
from swiftdeploy.model.metrics import ignored_paths
from swiftdeploy.model.proxylog import MARK, figures, requests, written_at

CANARY, STABLE, SOCKET = "127.0.0.1:5002", "127.0.0.1:5001", "unix:/tmp/x/handoff.sock"
IGNORED = ignored_paths("/live", "/stats")


def line(
    status=200,
    tries=CANARY,
    statuses=None,
    times="0.010",
    whole="0.010",
    at=1000.0,
    instance="canary-2",
    path="/",
    streams="0",
):
    statuses = str(status) if statuses is None else statuses
    return "\t".join((MARK, f"{at:.3f}", instance, path, whole, tries, statuses, times, streams, str(status)))


def older(whole):
    """The line as templates wrote it that did not know of streams."""
    *fields, _, status = whole.split("\t")
    return "\t".join((*fields, status))


def seen(*lines, instance="canary-2", since=0.0, stable="stable-1"):
    return figures(requests(lines, since), instance, IGNORED, stable)


def test_good_answers_are_samples_with_their_exact_p99():
    lines = [line(times=f"{number / 1000:.3f}") for number in range(1, 201)]
    assert seen(*lines) == Figures(200, 0, 0.0, 198.0, False)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_5xx_is_an_error_whoever_made_it(status):
    assert seen(line(status)).errors == 1


@pytest.mark.parametrize("status", [200, 204, 301, 304, 400, 404, 429, 499])
def test_anything_else_is_none(status):
    assert (seen(line(status)).samples, seen(line(status)).errors) == (1, 0)


def test_a_failed_try_counts_although_another_instance_saved_the_client():
    assert seen(line(200, f"{CANARY}, {STABLE}", "502, 200", "0.000, 0.004")).errors == 1
    assert seen(line(200, f"{CANARY}, {SOCKET}", "502, 200", "0.000, 0.004")).errors == 1


def test_the_one_that_saved_the_client_is_not_blamed():
    assert seen(line(200, f"{CANARY}, {STABLE}", "502, 200", "0.000, 0.004"), instance="stable-1") == Figures()


def test_what_an_old_worker_hands_over_is_a_matter_of_its_old_instance():
    handed = line(200, f"{CANARY}, {SOCKET}", "502, 200", "0.000, 0.004", instance="canary-1")
    assert seen(handed, line()).errors == 0
    assert seen(handed, line(), instance="canary-1").errors == 1


def test_an_instance_that_was_not_even_tried_has_failed():
    assert seen(line(200, SOCKET)).errors == 1
    assert seen(line(200, STABLE), line(200, STABLE, instance="stable-1")).errors == 1
    assert seen(line(200, STABLE, instance="stable-1"), instance="stable-1").errors == 0


def test_no_live_upstream_is_an_error():
    assert seen(line(502, "canary", "502")).errors == 1


def test_a_client_that_gave_up_counts_with_its_time_so_far_and_is_no_error():
    gone = seen(*[line(499, statuses="-", times="2.000")] * 2, *[line()] * 98)
    assert (gone.samples, gone.errors, gone.p99_latency_ms, gone.p99_is_lower_bound) == (100, 0, 2000.0, False)


def test_a_client_that_gave_up_after_a_failed_try_is_an_error():
    assert seen(line(499, f"{CANARY}, {STABLE}", "502, -", "0.000, 1.000")).errors == 1


def test_a_time_out_counts_with_all_of_its_time():
    assert seen(line(504, times="30.001", whole="30.001")) == Figures(1, 1, 100.0, 30001.0, False)


def test_the_clients_own_slowness_is_not_the_instances():
    assert seen(line(times="0.004", whole="9.000")).p99_latency_ms == 4.0


def test_all_tries_of_a_request_took_their_time():
    assert seen(line(200, f"{CANARY}, {STABLE}", "502, 200", "0.100, 0.250")).p99_latency_ms == 350.0


def test_without_the_tries_times_the_whole_time_counts():
    assert seen(line(499, statuses="-", times="-", whole="1.500")).p99_latency_ms == 1500.0


def test_an_internal_redirect_of_the_app_is_no_failed_try():
    assert seen(line(200, f"{CANARY} : {CANARY}", "200 : 200", "0.001 : 0.002")) == Figures(1, 0, 0.0, 3.0, False)
    assert seen(line(200, f"{CANARY} : ", "200 : ", "0.001 : ")) == Figures(1, 0, 0.0, 1.0, False)


def test_what_the_proxy_answered_without_asking_anybody_does_not_count():
    for status in (404, 413, 499, 500):
        assert seen(line(status, "-", "-", "-")) == Figures()


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/chaos", "/live", "/stats"])
def test_paths_of_nobodys_users_do_not_count(path):
    assert seen(line(500, path=path)) == Figures()


def test_only_what_ended_in_the_window_counts():
    assert seen(line(at=999.999), line(at=1000.0), since=1000.0).samples == 1


def test_streams_are_samples_and_errors_and_not_in_the_p99():
    lines = [line(times="0.010")] * 8 + [line(times="1.500", streams="1"), line(502, times="1.500", streams="1")]
    assert seen(*lines) == Figures(10, 1, 10.0, 10.0, False)
    assert seen(line(times="1.500", streams="1")) == Figures(1, 0, 0.0, None, False)
    assert [one.streams for one in requests([line(), line(path="/events", streams="1")], 0.0)] == [False, True]


def test_excluded_paths_are_samples_and_errors_and_not_in_the_p99():
    lines = [line(), line(path="/reports/1", times="9.000"), line(500, path="/export", times="9.000")]
    found = figures(requests(lines, 0.0), "canary-2", IGNORED, excluded=("/export", "/reports/*"))
    assert found == Figures(3, 1, 33.3333, 10.0, False)


def test_lines_of_an_older_template_are_read_too():
    new = [line(), line(500, times="0.020"), line(200, f"{CANARY}, {STABLE}", "502, 200", "0.000, 0.004")]
    assert requests(map(older, new), 0.0) == requests(new, 0.0)
    assert not any(one.streams for one in requests(map(older, new), 0.0))


def test_instances_do_not_mix():
    assert seen(line(500), line(instance="stable-1"), instance="stable-1") == Figures(1, 0, 0.0, 10.0, False)


def test_what_a_client_sends_cannot_look_like_a_line():
    forged = line(500).replace("\t", "\\x09")
    notice = f'2026/05/05 [error] 7#7: *1 refused, referrer: "{line(500)}"'
    assert seen(line(path=f"/{forged}"), notice, f" {line(500)}") == Figures(1, 0, 0.0, 10.0, False)


JUNK = [
    "", MARK, f"{MARK}\t", "2026/05/05 20:34:51 [notice] 7#7: start worker process 8", line() + "\t",
    line().replace("1000.000", "nan"), line().replace("1000.000", "1_0.0"),
    line().replace("1000.000", "9" * 400 + ".0"),
    line(status="2٠0"), line(statuses="ok"), line(statuses="9" * 5000), line(times="0.1, 0.2"), line(times="fast"),
    line(times="nan"), line(whole="inf"), line(tries=""), line(tries="\t"),
    line(streams="2"), line(streams=""), line(streams="0\t1"),
]  # fmt: skip


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_passed_over(junk):
    assert seen(junk, line()) == Figures(1, 0, 0.0, 10.0, False)


def test_every_line_tells_its_time():
    assert written_at(line(at=1234.5)) == 1234.5
    assert written_at("2026/05/05 20:34:51 [notice] 7#7: start worker process 8") is None


STATUS = st.sampled_from([200, 302, 404, 499, 500, 502, 503, 504])
TRIES = st.lists(st.tuples(st.sampled_from([CANARY, STABLE, SOCKET]), STATUS, st.integers(0, 40_000)), min_size=1)


@st.composite
def whole_lines(draw):
    tries = draw(TRIES)
    return line(
        draw(STATUS),
        ", ".join(one[0] for one in tries),
        ", ".join(str(one[1]) for one in tries),
        ", ".join(f"{one[2] / 1000:.3f}" for one in tries),
        instance=draw(st.sampled_from(["canary-2", "stable-1", "canary-1"])),
        path=draw(st.sampled_from(["/", "/a", "/metrics"])),
    )


@given(st.lists(whole_lines()))
def test_every_try_that_failed_is_an_error_and_no_request_counts_twice(lines):
    mine = [fields for one in lines if (fields := one.split("\t"))[2] == "canary-2" and fields[3] != "/metrics"]
    failed = [one for one in mine if any(code.startswith("5") for code in (one[9], *one[6].split(", ")))]
    found = seen(*lines, stable=None)
    assert found.samples == len(mine)
    assert found.errors >= len(failed)
    assert found.errors <= len(failed) + sum(one[5].startswith("unix:") for one in mine)


@given(st.lists(whole_lines()), st.lists(st.text()))
def test_other_words_between_the_lines_change_nothing(lines, words):
    mixed = [one for pair in zip(lines, words, strict=False) for one in pair] + lines[len(words) :]
    assert seen(*mixed) == seen(*lines)


@given(whole_lines(), st.data())
def test_a_torn_line_is_no_line(whole, data):
    assert requests([whole[: data.draw(st.integers(0, len(whole) - 1))]], 0.0) == ()


@given(whole_lines(), st.integers(0, 9), st.text(st.characters(exclude_characters="\n")))
def test_a_spoiled_field_never_raises(whole, place, text):
    fields = whole.split("\t")
    fields[place] = text
    found = seen("\t".join(fields))
    assert found.samples in (0, 1)
    assert found.p99_latency_ms is None or math.isfinite(found.p99_latency_ms)


@given(st.lists(st.text() | st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_nothing_raises(lines):
    assert seen(*lines) == Figures()

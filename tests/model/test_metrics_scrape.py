"""A scrape is read from text, and text that is no such thing is no scrape."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.model.scrape import parse_scrape

PAGE = """\
# HELP http_requests_total Requests answered
# TYPE http_requests_total counter
http_requests_total{method="GET",path="/",status_code="200"} 42
http_requests_total{method="GET",path="/",status_code="500"} 3
http_requests_total{method="POST",path="/",status_code="200"} 7
# HELP http_request_duration_seconds Latency
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{path="/",le="0.005"} 40
http_request_duration_seconds_bucket{path="/",le="0.5"} 52
http_request_duration_seconds_bucket{path="/",le="+Inf"} 52
http_request_duration_seconds_sum{path="/"} 0.5
http_request_duration_seconds_count{path="/"} 52
# TYPE app_uptime_seconds gauge
app_uptime_seconds 12.5
# TYPE app_mode gauge
app_mode 1
# TYPE chaos_active gauge
chaos_active 2
# TYPE app_requests_in_flight gauge
app_requests_in_flight 4
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7638e+09
"""


def test_every_figure_of_a_page_is_read():
    scrape = parse_scrape(PAGE, 7.0)
    assert scrape is not None
    assert scrape.at == 7.0
    assert scrape.usable
    assert scrape.requests == {("GET", "/", "200"): 42, ("GET", "/", "500"): 3, ("POST", "/", "200"): 7}
    assert scrape.buckets == {(("path", "/"),): {0.005: 40, 0.5: 52, math.inf: 52}}
    assert (scrape.in_flight, scrape.uptime_seconds, scrape.process_start) == (4, 12.5, 1.7638e9)
    assert (scrape.mode, scrape.chaos) == ("canary", "error")


@pytest.mark.parametrize(
    ("value", "name"), [("0", "none"), ("1", "slow"), ("2.0", "error"), ("3", None), ("NaN", None)]
)
def test_chaos_has_a_name(value, name):
    scrape = parse_scrape(f"chaos_active {value}\n", 0.0)
    assert scrape is not None
    assert scrape.chaos == name


def test_different_spellings_of_a_bound_are_one_bucket():
    text = "\n".join(
        f'http_request_duration_seconds_bucket{{path="/",le="{le}"}} 1' for le in ("0.2", "2e-1", ".2", "+Inf", "inf")
    )
    scrape = parse_scrape(text + "\n", 0.0)
    assert scrape is not None
    assert scrape.buckets == {(("path", "/"),): {0.2: 3, math.inf: 2}}


def test_an_app_that_nobody_has_asked_yet_is_usable():
    scrape = parse_scrape("# TYPE http_requests_total counter\napp_mode 0\n", 0.0)
    assert scrape is not None
    assert scrape.usable
    assert scrape.mode == "stable"


def test_in_flight_is_known_without_request_counters():
    scrape = parse_scrape("app_requests_in_flight 2\n", 0.0)
    assert scrape is not None
    assert not scrape.usable
    assert scrape.in_flight == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<html><body>hello</body></html>", id="html"),
        pytest.param('{"status": "ok"}', id="json"),
        pytest.param('http_requests_total{method="GET",path="/",status_code="200"} NaN\n', id="a count that is NaN"),
        pytest.param('http_requests_total{method="GET",path="/",status_code="200"} -1\n', id="a negative count"),
        pytest.param('http_requests_total{method="GET",path="/",status_code="200"} +Inf\n', id="an infinite count"),
        pytest.param('http_request_duration_seconds_bucket{path="/"} 3\n', id="a bucket without a bound"),
        pytest.param('http_request_duration_seconds_bucket{path="/",le="x"} 3\n', id="a bound that is a word"),
        pytest.param('http_request_duration_seconds_bucket{path="/",le="NaN"} 3\n', id="a bound that is NaN"),
        pytest.param("app_requests_in_flight +Inf\n", id="infinitely many in flight"),
        pytest.param('http_requests_total{method="GET",path="/",status_code="2', id="cut off in a label"),
        pytest.param("http_requests_total abc\n", id="a value that is a word"),
    ],
)
def test_a_page_that_cannot_be_trusted_is_no_scrape(text):
    assert parse_scrape(text, 0.0) is None


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=80))
def test_no_text_raises(text):
    parse_scrape(text, 0.0)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(PAGE)), st.integers(0, 30), st.text('{}"=,\\\n #eE+-.0azN\0', max_size=6))
def test_no_damaged_page_raises(start, length, junk):
    parse_scrape(PAGE[:start] + junk + PAGE[start + length :], 0.0)

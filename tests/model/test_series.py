"""What is recognised on metrics pages that real libraries made, and what is said of those that cannot be used."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from swiftdeploy.model import series
from swiftdeploy.model.figures import Figures
from swiftdeploy.model.metrics import Own, ignored_paths, window
from swiftdeploy.model.pathlabel import is_one_of, names_path
from swiftdeploy.model.scrape import Scrape, parse_scrape
from swiftdeploy.model.state import MetricNames

PAGES = Path(__file__).parent / "data" / "pages"
MANUAL = Path(__file__).parents[2] / "docs" / "metrics.md"
IGNORED = ignored_paths("/healthz", "/metrics")
FIVE_HUNDREDS = 2
NONE_OF_OURS = Own(0)


def page(name: str) -> Scrape:
    found = parse_scrape((PAGES / name).read_text(encoding="utf-8"), 30.0)
    assert found is not None
    return found


def scrape(text: str, names: MetricNames | None = None) -> Scrape:
    found = parse_scrape(text, 30.0, names)
    assert found is not None
    return found


def users(seen: Scrape, own: Own = NONE_OF_OURS) -> Figures:
    """Since the app began."""
    return window(Scrape(0.0), seen, None, IGNORED, own).users


@pytest.mark.parametrize(
    ("name", "counter", "histogram", "samples"),
    [
        (
            "django-prometheus.txt",
            "django_http_responses_total_by_status_view_method_total",
            "django_http_requests_latency_seconds_by_view_method",
            8,
        ),
        ("starlette_exporter.txt", "starlette_requests_total", "starlette_request_duration_seconds", 7),
        ("starlette-prometheus.txt", "starlette_responses_total", "starlette_requests_processing_time_seconds", 8),
        ("express-prom-bundle.txt", "http_request_duration_seconds_count", "http_request_duration_seconds", 8),
        (
            "opentelemetry.txt",
            "http_server_request_duration_seconds_count",
            "http_server_request_duration_seconds",
            8,
        ),
        (
            "opentelemetry-old.txt",
            "http_server_duration_milliseconds_count",
            "http_server_duration_milliseconds",
            8,
        ),
        ("micrometer.txt", "http_server_requests_seconds_count", "", 8),
        ("openmetrics.txt", "http_requests_total", "http_request_duration_seconds", 8),
    ],
)
def test_users_of_a_real_page_are_counted_once_without_our_own_polls(
    name: str, counter: str, histogram: str, samples: int
) -> None:
    seen = page(name)
    assert (seen.usable, seen.counter, seen.histogram) == (True, counter, histogram)
    assert seen.tells_path
    found = users(seen)
    assert (found.samples, found.errors) == (samples, FIVE_HUNDREDS)


def test_milliseconds_are_milliseconds() -> None:
    old, new = users(page("opentelemetry-old.txt")).p99_latency_ms, users(page("opentelemetry.txt")).p99_latency_ms
    assert old is not None
    assert new is not None
    assert 0 < old < 50  # no request took longer
    assert 0 < new < 50


@pytest.mark.parametrize("label", series.STATUS_LABELS)
@pytest.mark.parametrize(("good", "bad"), [("200", "503"), ("2xx", "5xx"), ("2XX", "5XX")])
def test_a_status_is_found_in_any_of_the_usual_labels(label: str, good: str, bad: str) -> None:
    found = users(scrape(f'http_requests_total{{{label}="{good}"}} 9\nhttp_requests_total{{{label}="{bad}"}} 3\n'))
    assert (found.samples, found.errors) == (12, 3)


@pytest.mark.parametrize("label", series.PATH_LABELS)
def test_a_path_is_found_in_any_of_the_usual_labels(label: str) -> None:
    lines = (f'http_requests_total{{{label}="{path}",code="200"}} 9' for path in ("/", "/metrics", "/healthz"))
    seen = scrape("\n".join(lines) + "\n")
    assert seen.tells_path
    assert users(seen).samples == 9


@pytest.mark.parametrize("known", series.KNOWN, ids=lambda one: one.library)
def test_every_known_counter_and_histogram_is_recognised(known: series.Known) -> None:
    is_count = known.requests.endswith("_count")
    text = f'{known.requests}{{code="500"}} 4\n{known.duration}_bucket{{le="1"}} 4\n'
    seen = scrape(text if not is_count else text + f'{known.duration}_sum{{code="500"}} 1\n')
    assert (seen.counter, seen.histogram) == (known.requests, known.duration)
    assert users(seen).errors == 4


@pytest.mark.parametrize(
    "name", ["shop_http_requests_total", "api_requests_total", "caddy_http_responses_total", "app_request_count"]
)
def test_a_name_of_a_clear_form_is_recognised(name: str) -> None:
    assert scrape(f'{name}{{code="200"}} 4\n').counter == name
    # the parser gives a declared counter the ending that OpenMetrics wants
    assert scrape(f'# TYPE {name} counter\n{name}{{code="200"}} 4\n').counter in (name, f"{name}_total")


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("shop_http_request_duration_seconds", 1.0),
        ("http_response_time_ms", 0.001),
        ("http_latency_milliseconds", 0.001),
        ("http_request_duration", None),  # in what?
        ("http_client_request_duration_seconds", None),
        ("http_response_size_bytes", None),
        ("job_duration_seconds", None),
    ],
)
def test_a_histogram_of_a_clear_form_is_recognised(name: str, seconds: float | None) -> None:
    buckets = scrape(f'{name}_bucket{{le="2"}} 4\n{name}_bucket{{le="+Inf"}} 4\n').buckets
    assert list(buckets.get((), {})) == ([2 * seconds, math.inf] if seconds else [])


@pytest.mark.parametrize(
    "name",
    [
        "promhttp_metric_handler_requests_total",
        "http_client_requests_total",
        "rest_client_requests_total",
        "upstream_requests_total",
        "http_request_errors_total",
        "failed_requests_total",
        "jobs_total",
    ],
)
def test_what_is_not_all_that_users_asked_for_is_no_count_of_users(name: str) -> None:
    seen = scrape(f'{name}{{code="500"}} 4\n')
    assert not seen.usable
    assert not seen.requests


def test_a_counter_and_a_histogram_of_the_same_requests_count_once() -> None:
    text = (
        'http_requests_total{path="/",status="200"} 7\n'
        'http_request_duration_seconds_bucket{path="/",status="200",le="+Inf"} 7\n'
        'http_request_duration_seconds_count{path="/",status="200"} 7\n'
        'shop_requests_total{path="/",status="200"} 7\n'
    )
    assert users(scrape(text)).samples == 7


def test_of_two_known_counters_the_one_that_tells_the_path_is_taken() -> None:
    text = (
        'flask_http_request_total{method="GET",status="200"} 9\n'
        "# TYPE flask_http_request_duration_seconds histogram\n"
        'flask_http_request_duration_seconds_bucket{path="/",status="200",le="+Inf"} 7\n'
        'flask_http_request_duration_seconds_count{path="/",status="200"} 7\n'
        'flask_http_request_duration_seconds_bucket{path="/healthz",status="200",le="+Inf"} 2\n'
        'flask_http_request_duration_seconds_count{path="/healthz",status="200"} 2\n'
    )
    assert users(scrape(text), Own(2)).samples == 7


def test_a_summary_counts_and_its_quantiles_of_all_time_say_nothing() -> None:
    text = (
        "# TYPE http_request_duration_seconds summary\n"
        'http_request_duration_seconds{code="200",quantile="0.99"} 7.5\n'
        'http_request_duration_seconds_sum{code="200"} 9\n'
        'http_request_duration_seconds_count{code="200"} 40\n'
    )
    assert users(scrape(text), Own(0)) == Figures(40, 0, 0.0, None, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'http_hits_total{page="/"} 3\n',
            "found http_hits_total{page}; needed: a counter with a status label, such as "
            "http_requests_total{status_code}; or name yours in services.metrics",
        ),
        (
            'http_requests_total{method="GET",path="/"} 3\n',
            "found http_requests_total{method, path}; needed: a counter",
        ),
        ("up 1\n", "found no counter of requests among 1 counters; needed: a counter"),
        ("# TYPE memory gauge\nmemory 1\n", "found no counter at all; needed: a counter"),
    ],
)
def test_what_cannot_be_used_is_said(text: str, words: str) -> None:
    seen = scrape(text)
    assert not seen.usable
    assert seen.found.startswith(words)


def test_an_apps_names_cannot_steer_a_terminal() -> None:
    seen = scrape('{"http_hits\x1b[2J","la\x07bel"="x"} 3\n')
    assert seen.found.startswith("found http_hits?[2J{la?bel}; needed")
    assert len(scrape(f"http_hits_{'x' * 5000}_total 3\n").found) < 400


def test_what_is_used_is_said() -> None:
    assert page("starlette_exporter.txt").found == (
        "starlette_requests_total{method, path, status_code} and starlette_request_duration_seconds"
    )
    assert page("micrometer.txt").found == "http_server_requests_seconds_count{method, uri, status}, no durations"


OWN_NAMES = """\
shop_calls_total{operation="/buy",result="200"} 6
shop_calls_total{operation="/buy",result="500"} 2
shop_calls_total{operation="/healthz",result="200"} 50
shop_call_ms_bucket{operation="/buy",le="100"} 8
shop_call_ms_bucket{operation="/buy",le="+Inf"} 8
http_requests_total{path="/",status="200"} 1000
"""


def test_a_project_names_its_own_series_and_labels() -> None:
    seen = scrape(OWN_NAMES, MetricNames("shop_calls_total", "shop_call_ms", "result", "operation"))
    found = users(seen)
    assert (found.samples, found.errors, found.p99_latency_ms) == (8, 2, 99.0)


def test_a_name_may_lack_the_ending_that_the_page_has() -> None:
    assert scrape(OWN_NAMES, MetricNames("shop_calls", None, "result")).counter == "shop_calls_total"


def test_a_named_counter_that_is_not_there_is_never_replaced_by_another() -> None:
    seen = scrape(OWN_NAMES, MetricNames("shop_cals_total"))
    assert not seen.usable
    assert "needed: shop_cals_total{status_code}, as services.metrics says" in seen.found


def test_a_series_that_appears_late_counts_from_nothing() -> None:
    first = scrape('api_requests_total{code="500"} 90\n')
    second = scrape('api_requests_total{code="500"} 90\nhttp_requests_total{code="500"} 3\n')
    assert window(first, second, None, IGNORED, Own(0)).users.errors == 3


@pytest.mark.parametrize(
    "value",
    [
        "/metrics", "/metrics/", "/metrics/*", "/metrics/{path:path}", "GET /metrics", "metrics", "/metrics?x=1",
        "/internal/live", "/live", "live", "prometheus-django-metrics",
    ],
)  # fmt: skip
def test_a_route_of_ours_is_known_in_all_its_spellings(value: str) -> None:
    assert is_one_of(value, ignored_paths("/internal/live", "/metrics"))


@pytest.mark.parametrize("value", ["", "/", "/items/{n}", "/metricsx", "none", "unknown", "/e", "/shop/metrics"])
def test_other_routes_are_users(value: str) -> None:
    assert not is_one_of(value, ignored_paths("/internal/live", "/metrics"))


def test_only_what_begins_like_a_path_names_one() -> None:
    assert names_path("/items/{n}")
    assert names_path("GET /items/{n}")
    assert not any(map(names_path, ("", "none", "index", "<unnamed view>")))


def test_the_manual_lists_what_is_recognised() -> None:
    text = MANUAL.read_text(encoding="utf-8")
    for one in series.KNOWN:
        assert re.search(rf"\| {re.escape(one.library)} \| `{one.requests}` \| `{one.duration}` \|", text), one
    for label in (*series.STATUS_LABELS, *series.PATH_LABELS, *series.METHOD_LABELS):
        assert f"`{label}`" in text


def test_a_named_counter_without_series_yet_is_there() -> None:
    declared = "# HELP shop_calls_total Calls.\n# TYPE shop_calls_total counter\n"
    for names in (MetricNames("shop_calls_total", None, "result"), MetricNames("shop_calls")):
        assert scrape(declared, names).usable
    assert not scrape(declared, MetricNames("shop_cals_total")).usable


@pytest.mark.parametrize(
    ("names", "lacking"),
    [
        (MetricNames("shop_calls_total", "shop_call_ms", "result", "operation"), ""),
        (MetricNames("shop_calls_total", "nope_seconds", "result"), "no histogram nope_seconds"),
        (MetricNames("shop_calls_total", None, "result", "nope"), "no label nope on shop_calls_total"),
    ],
)
def test_what_a_project_names_and_the_page_has_not_is_said(names: MetricNames, lacking: str) -> None:
    seen = scrape(OWN_NAMES, names)
    assert seen.usable
    assert seen.lacking == lacking
    assert "nope" not in seen.found


def test_a_named_histogram_without_series_yet_is_not_missing() -> None:
    text = OWN_NAMES + "# HELP shop_wait_seconds Waits.\n# TYPE shop_wait_seconds histogram\n"
    assert scrape(text, MetricNames("shop_calls_total", "shop_wait_seconds", "result")).lacking == ""

"""What /metrics says is what happened."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BOUNDS = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"]


def totals(service) -> dict[tuple[str, str, str], float]:
    return {
        (has["method"], has["path"], has["status_code"]): value
        for name, has, value in service.samples()
        if name == "http_requests_total"
    }


requests = st.lists(
    st.sampled_from([("GET", "/"), ("HEAD", "/"), ("POST", "/"), ("GET", "/healthz"), ("GET", "/a"), ("BREW", "/b")]),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(plan=requests)
def test_counts_grow_by_exactly_what_was_asked(shared_canary, plan):
    before = totals(shared_canary)
    for method, path in plan:
        status = shared_canary.ask(method, path).status
        key = (method if method != "BREW" else "other", path if path in ("/", "/healthz") else "other", str(status))
        before[key] = before.get(key, 0) + 1
    scrape = ("GET", "/metrics", "200")
    before[scrape] = before.get(scrape, 0) + 1  # a scrape counts in the next one
    assert totals(shared_canary) == before


def test_every_histogram_is_monotone_and_its_last_bucket_is_its_count(canary):
    for path in ("/", "/", "/nowhere", "/healthz"):
        canary.ask("GET", path)
    samples = canary.samples()
    for path, count in (("/", 2), ("other", 1), ("/healthz", 1)):
        name = "http_request_duration_seconds_bucket"
        buckets = {has["le"]: value for key, has, value in samples if key == name and has["path"] == path}
        assert list(buckets) == BOUNDS
        assert list(buckets.values()) == sorted(buckets.values())
        name = "http_request_duration_seconds_count"
        assert buckets["+Inf"] == count == sum(v for k, has, v in samples if k == name and has["path"] == path)


def test_the_histogram_holds_the_time_that_a_fault_took(canary):
    canary.chaos(mode="slow", duration=0.3)
    canary.ask("GET", "/")
    assert canary.sample("http_request_duration_seconds_sum", path="/") >= 0.3
    assert canary.sample("http_request_duration_seconds_bucket", path="/", le="0.25") == 0
    assert canary.sample("http_request_duration_seconds_count", path="/") == 1


def test_injected_errors_are_counted_as_500(canary):
    canary.chaos(mode="error", rate=1)
    for _ in range(3):
        canary.ask("GET", "/")
    assert canary.sample("http_requests_total", method="GET", path="/", status_code="500") == 3


def test_requests_in_flight_are_seen_and_the_scrape_is_not(canary, rig):
    assert canary.sample("app_requests_in_flight") == 0
    canary.chaos(mode="slow", duration=30)
    threads = [threading.Thread(target=canary.ask, args=("GET", "/")) for _ in range(3)]
    for one in threads:
        one.start()
    rig.eventually(lambda: canary.sample("app_requests_in_flight") == 3)
    canary.chaos(mode="recover")
    for one in threads:
        one.join(15)
    rig.eventually(lambda: canary.sample("app_requests_in_flight") == 0)


def test_a_request_is_in_flight_from_its_first_line_on(stable, rig):
    one = stable.connect()
    one.sendall(b"GET / HTTP/1.1\r\n")
    rig.eventually(lambda: stable.sample("app_requests_in_flight") == 1)
    one.sendall(b"\r\n")
    assert rig.read_reply(one).status == 200
    rig.eventually(lambda: stable.sample("app_requests_in_flight") == 0)


def test_a_client_that_leaves_in_the_middle_is_no_longer_in_flight(stable, rig):
    one = stable.connect()
    one.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
    rig.eventually(lambda: stable.sample("app_requests_in_flight") == 1)
    one.close()
    rig.eventually(lambda: stable.sample("app_requests_in_flight") == 0)


def test_gauges_say_mode_chaos_uptime_start_and_identity(canary, stable):
    assert (canary.sample("app_mode"), stable.sample("app_mode")) == (1, 0)
    assert canary.sample("chaos_active") == 0
    assert 0 <= canary.sample("app_uptime_seconds") < 60
    assert abs(time.time() - canary.sample("process_start_time_seconds")) < 60
    assert canary.sample("app_info", instance="canary-1", version="2.0.0") == 1


def test_an_odd_version_cannot_break_the_text(rig):
    odd = 'a"b\\c\nd} 9'
    with rig.running(APP_VERSION=odd, APP_INSTANCE="x") as service:
        assert service.sample("app_info", instance="x", version=odd) == 1
        assert service.ask("GET", "/").json["version"] == odd


def test_a_scanner_cannot_grow_the_labels(stable):
    for number in range(150):
        stable.ask(f"SCAN{number}" if number % 2 else "GET", f"/admin/{number}.php?x={number}")
    assert set(totals(stable)) == {("GET", "other", "404"), ("other", "other", "404")}


def test_refused_requests_are_counted_under_other(stable, rig):
    one = stable.connect()
    one.sendall(b"\x16\x03\x01 a TLS hello\r\n\r\n")
    assert rig.read_reply(one).status == 400
    assert totals(stable) == {("other", "other", "400"): 1}


def test_promtool_finds_nothing_to_say_of_the_exposition(rig):
    promtool = shutil.which("promtool") or pytest.skip("there is no promtool on PATH (Debian's prometheus has it)")
    with rig.running(MODE="canary", APP_VERSION='1"\\ \n é', APP_INSTANCE="a{b=}") as service:
        nothing_asked = service.ask("GET", "/metrics").body
        service.chaos(mode="error", rate=1)
        for method, path in (("GET", "/"), ("POST", "/nothing"), ("BREW", "/tea"), ("GET", "/healthz")):
            service.ask(method, path)
        for text in (nothing_asked, service.ask("GET", "/metrics").body):
            done = subprocess.run((promtool, "check", "metrics"), input=text, capture_output=True, check=False)
            assert (done.returncode, done.stdout + done.stderr) == (0, b"")

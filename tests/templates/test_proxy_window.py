"""What a real nginx writes to the window log is what the gate reads of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.model import proxylog, untimed
from swiftdeploy.model.figures import Figures
from swiftdeploy.model.metrics import ignored_paths

IGNORED = ignored_paths("/healthz", "/metrics")


@pytest.fixture
def served(make_proxy: Callable[..., Any], backend: Callable[[str], Any]) -> Any:
    proxy = make_proxy(timeout=0.4, private=("/secret",))
    proxy.stable = backend("stable")
    proxy.canary = backend("canary")
    return proxy


def logged(proxy: Any, least: int) -> tuple[proxylog.Request, ...]:
    """Requests in the log, once there are `least`; nginx writes a line just after the answer is gone."""
    ends = time.monotonic() + 5
    while True:
        found = proxylog.requests(Path(proxy.paths.window_log).read_text().split("\n"), 0.0)
        if len(found) >= least or time.monotonic() > ends:
            return found
        time.sleep(0.01)


def of(proxy: Any, track: str, least: int) -> Figures:
    return proxylog.figures(logged(proxy, least), f"{track}-1", IGNORED, "stable-1")


def clock(proxy: Any) -> float:
    return float(proxy.get("/clock", admin=True).text)


def test_each_request_is_its_instances(served: Any) -> None:
    served.route(served.stable.address, served.canary.address, 50)
    names = [served.get("/x?y=1").json["name"] for _ in range(40)]
    found = logged(served, 40)
    assert {(one.path, one.status, one.statuses) for one in found} == {("/x", 200, (200,))}
    for track in ("stable", "canary"):
        assert of(served, track, 40).samples == names.count(track) > 0


def test_nothing_is_written_while_there_is_no_canary(served: Any) -> None:
    served.route(served.stable.address)
    served.get("/before")
    served.route(served.stable.address, served.canary.address, 100)
    served.get("/during")
    served.route(served.stable.address)
    served.get("/after")
    time.sleep(0.2)
    assert [one.path for one in logged(served, 1)] == ["/during"]


def test_the_proxys_clock_is_that_of_its_log(served: Any) -> None:
    served.route(None, served.canary.address, 100)
    before = clock(served)
    served.get("/")
    (line,) = logged(served, 1)
    assert before - 0.01 <= line.at <= clock(served) + 0.01
    assert abs(before - time.time()) < 5


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_dead_canary_does_not_hide_behind_stable(served: Any, dead: str, method: str) -> None:
    served.route(served.stable.address, dead, 100)
    assert {served.get("/", method=method, body=b"x").status for _ in range(8)} == {200}
    seen = of(served, "canary", 8)
    assert (seen.samples, seen.errors) == (8, 8)
    assert {one.addresses[0] for one in logged(served, 8)} == {dead}
    assert {len(one.addresses) for one in logged(served, 8)} == {2}, "over the socket or to stable at once"
    assert of(served, "stable", 8) == Figures()


def test_a_dead_canary_without_stable_is_a_502_of_its_own(served: Any, dead: str) -> None:
    served.route(None, dead, 100)
    assert served.get("/").status == 502
    seen = of(served, "canary", 1)
    assert (seen.samples, seen.errors) == (1, 1)


def test_a_time_out_is_an_error_with_its_whole_time(served: Any) -> None:
    served.route(None, served.canary.address, 100)
    assert served.get("/slow").status == 504
    seen = of(served, "canary", 1)
    assert (seen.samples, seen.errors) == (1, 1)
    assert seen.p99_latency_ms is not None
    assert 390 <= seen.p99_latency_ms <= 900


def test_the_apps_own_500_is_an_error_and_a_404_none(served: Any) -> None:
    served.route(None, served.canary.address, 100)
    for status in (500, 503, 404, 302):
        served.get(f"/status/{status}")
    seen = of(served, "canary", 4)
    assert (seen.samples, seen.errors) == (4, 2)


def test_streams_are_told_from_pages_by_their_content_type(served: Any) -> None:
    served.route(None, served.canary.address, 100)
    streams = ("text/event-stream;charset=utf-8", "Text/Event-Stream", "application/grpc+proto", "application/x-ndjson")
    pages = ("text/event-streams", "application/json", "text/html;x=text/event-stream")
    for kind in (*streams, *pages):
        assert served.get(f"/as/{kind}").status == 200
    served.get("/status/500")
    found = logged(served, 8)
    assert {one.path for one in found if one.streams} == {f"/as/{kind}" for kind in streams}
    assert {one.path for one in found if one.streams} == {f"/as/{kind}" for kind in streams}
    for kind in (*streams, *pages):
        assert untimed.streams(200, kind) == (kind in streams), "the probe sees the same"


def test_only_streams_do_not_count_for_p99(served: Any) -> None:
    served.route(None, served.canary.address, 100)
    for path in ("/", "/as/text/event-stream"):
        served.get(path)
    (page,) = [one for one in logged(served, 2) if not one.streams]
    assert of(served, "canary", 2) == Figures(2, 0, 0.0, page.seconds * 1000, False)


def test_a_client_that_gives_up_is_a_sample_with_its_time_so_far(make_proxy: Any, backend: Any) -> None:
    proxy = make_proxy()
    proxy.route(None, backend("canary").address, 100)
    with socket.create_connection(("127.0.0.1", proxy.settings.port), 5) as raw:
        raw.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
    seen = of(proxy, "canary", 1)
    assert [one.status for one in logged(proxy, 1)] == [499]
    assert (seen.samples, seen.errors) == (1, 0)
    assert seen.p99_latency_ms is not None
    assert 250 <= seen.p99_latency_ms <= 900


def test_a_client_that_sends_slowly_does_not_make_the_canary_slow(served: Any) -> None:
    served.route(None, served.canary.address, 100)
    with socket.create_connection(("127.0.0.1", served.settings.port), 5) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\na")
        time.sleep(0.7)
        raw.sendall(b"b")
        while raw.recv(4096):
            pass
    seen = of(served, "canary", 1)
    assert seen.p99_latency_ms is not None
    assert seen.p99_latency_ms < 400


def test_what_the_proxy_answers_by_itself_and_what_tools_ask_does_not_count(served: Any) -> None:
    served.route(served.stable.address, served.canary.address, 100)
    assert served.get("/secret").status == 404
    for path in ("/instances/canary-1/", "/tracks/canary/", "/generation", "/clock"):
        assert served.get(path, admin=True).status == 200
    for path in ("/healthz", "/metrics?x=1", "//metrics", "/%6detrics", "/chaos"):
        served.get(path)
    served.get("/last")
    found = logged(served, 6)
    assert [one.path for one in found if one.path not in IGNORED] == ["/last"]
    assert of(served, "canary", 6).samples == 1


def test_no_path_breaks_a_line_or_makes_it_too_long_for_a_pipe(served: Any) -> None:
    served.route(None, served.canary.address, 100)
    forged = "swiftdeploy-window%0aswiftdeploy-window%091.000%09canary-1%09/%090.001%09a%09500%090.001%09500%0a"
    for path in (f"/{forged}", "/%22%5cx", "/" + "%ff" * 2000, "/" + "%0d%0a" * 400):
        assert served.get(path).status == 200
    seen = of(served, "canary", 4)
    assert (seen.samples, seen.errors) == (4, 0)
    raw = Path(served.paths.window_log).read_bytes()
    assert raw.count(b"\n") == 4
    assert max(map(len, raw.split(b"\n"))) < 2048

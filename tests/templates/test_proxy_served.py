"""What a real nginx does with the rendered configuration."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

NASTY = ["o'brien@x.io", "'; } location / { return 200; } #", 'a "b" \\ c\\', "$host ${pid} $$", "héé 😀 ☎ 100%s"]


def answer_without_client(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.sendall(text)
        said = b""
        while piece := raw.recv(4096):
            said += piece
            if said.endswith(b"}"):  # nginx lingers before it closes
                break
        return said


def log_lines(path: str, least: int) -> list[str]:
    """Lines of the log; nginx writes one just after the answer is gone."""
    lines: list[str] = []
    ends = time.monotonic() + 5
    while len(lines) < least and time.monotonic() < ends:
        with open(path) as log:
            lines = log.read().splitlines()
    return lines


@pytest.fixture
def served(make_proxy: Callable[..., Any], backend: Callable[[str], Any]) -> Any:
    proxy = make_proxy(private=("/metrics", "/chaos/", "/odd$host;{x}'\"\\"))
    proxy.stable = backend("stable")
    proxy.canary = backend("canary")
    return proxy


def test_an_answer_keeps_the_apps_headers_and_gets_x_deployed_by_once(served: Any) -> None:
    served.route(served.stable.address)
    answer = served.get("/hello%2Fx?q=1")
    assert answer.status == 200
    assert answer.json["path"] == "/hello%2Fx?q=1"
    assert answer.all("X-Mode") == ["stable"]
    assert answer.all("X-Deployed-By") == ["swiftdeploy"]
    assert answer.all("X-SwiftDeploy-Error") == []


def test_the_app_learns_of_the_client(served: Any) -> None:
    served.route(served.stable.address)
    headers = dict(served.get("/").json["headers"])
    assert headers["Host"] == headers["X-Forwarded-Host"] == f"127.0.0.1:{served.settings.port}"
    assert headers["X-Forwarded-For"] == headers["X-Real-IP"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "http"
    assert len(headers["X-Request-ID"]) == 32
    assert "Connection" not in headers


@pytest.mark.parametrize("status", [404, 500, 502, 503, 504])
def test_the_apps_own_errors_pass_untouched(served: Any, status: int) -> None:
    served.route(served.stable.address)
    answer = served.get(f"/status/{status}")
    assert answer.status == status
    assert answer.json["name"] == "stable"
    assert answer.all("X-Deployed-By") == ["swiftdeploy"]
    assert answer.all("X-SwiftDeploy-Error") == []


def test_a_large_post_passes(served: Any) -> None:
    served.route(served.stable.address)
    assert served.get("/", method="POST", body=b"x" * 300_000).json["size"] == 300_000


def test_a_dead_backend_is_a_json_502_and_does_not_loop(served: Any, dead: str) -> None:
    served.route(dead)
    for method, body in (("GET", None), ("POST", b"{}")):
        answer = served.get("/", method=method, body=body)
        assert answer.status == 502
        assert answer.json == {"error": "Bad Gateway", "code": 502, "service": "app", "contact": "ops@x.io"}
        assert answer.all("Content-Type") == ["application/json"]
        assert answer.all("X-Deployed-By") == ["swiftdeploy"]
        assert answer.all("X-SwiftDeploy-Error") == ["proxy"]
    lines = log_lines(served.paths.access_log, 2)
    assert len(lines) == 2, "the hop over the unix socket is not logged"
    # of two workers, the second may write first
    assert {line.partition(" | ")[2].partition("s | ")[2] for line in lines} == {
        f"{dead}, unix:{served.paths.handoff} | {method} / HTTP/1.1" for method in ("GET", "POST")
    }


def test_a_slow_answer_is_a_json_504_and_is_asked_for_once(
    make_proxy: Callable[..., Any], backend: Callable[[str], Any]
) -> None:
    proxy, slow = make_proxy(timeout=0.2), backend("stable")
    proxy.route(slow.address)
    answer = proxy.get("/slow")
    assert (answer.status, answer.json["error"]) == (504, "Gateway Timeout")
    assert answer.all("X-SwiftDeploy-Error") == ["proxy"]
    assert slow.asked == ["/slow"]


def test_with_nothing_running_the_proxy_answers_503(served: Any) -> None:
    served.route(None)
    answer = served.get("/")
    assert (answer.status, answer.json["code"]) == (503, 503)
    assert answer.all("X-SwiftDeploy-Error") == ["proxy"]
    assert served.get("/tracks/stable/", admin=True).status == 404


@pytest.mark.parametrize("contact", NASTY)
def test_an_error_body_has_exactly_the_manifests_contact(make_proxy: Callable[..., Any], contact: str) -> None:
    proxy = make_proxy(contact)
    proxy.route(None)
    assert proxy.get("/").json["contact"] == contact


def test_a_body_that_is_too_large_is_a_json_413(served: Any) -> None:
    served.route(served.stable.address)
    said = answer_without_client(
        served.settings.port, b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n"
    )
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b'"error":"Content Too Large","code":413' in said
    assert said.count(b"X-Deployed-By: swiftdeploy\r\n") == 1


def test_a_broken_request_is_a_json_400(served: Any) -> None:
    served.route(served.stable.address)
    said = answer_without_client(served.settings.port, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b'"code":400' in said
    assert said.count(b"X-Deployed-By: swiftdeploy\r\n") == 1


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        (b"GARBAGE\r\n\r\n", 400, "Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "Bad Request"),  # TLS
        (b"GET /../.. HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"),
        (b"GET /" + 40_000 * b"x" + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "URI Too Long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + 40_000 * b"x" + b"\r\n\r\n", 431, "Request Header Fields Too Large"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n", 501, "Not Implemented"),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505, "HTTP Version Not Supported"),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Method Not Allowed"),
    ],
)
@pytest.mark.parametrize("listener", ["public", "admin"])
def test_what_is_no_request_is_refused_in_json(
    served: Any, text: bytes, status: int, error: str, listener: str
) -> None:
    served.route(served.stable.address)
    port = served.settings.port if listener == "public" else served.settings.admin_port
    head, _, body = answer_without_client(port, text).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    told = json.loads(body)
    assert (told["error"], told["code"], told["service"]) == (error, status, "app")
    assert head.count(b"X-Deployed-By: swiftdeploy") == 1
    assert served.stable.asked == []


def test_no_path_of_the_app_is_taken_by_the_proxys_errors(served: Any) -> None:
    served.route(served.stable.address)
    for path in ("//swiftdeploy_400", "/swiftdeploy_400", "/@swiftdeploy_404", "/%2fswiftdeploy_400"):
        assert served.get(path).status == 200
    assert len(served.stable.asked) == 4


def test_a_request_without_host_reaches_the_app(served: Any) -> None:
    served.route(served.stable.address)
    said = answer_without_client(served.settings.port, b"GET / HTTP/1.0\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "/metrics/x", "//metrics", "/%6detrics", "/a/../metrics", "/metrics?x", "/chaos",
             "/chaos/x", "/odd$host;%7bx%7d'%22%5c"]
)  # fmt: skip
def test_a_private_path_is_404_in_public(served: Any, path: str) -> None:
    served.route(served.stable.address)
    answer = served.get(path)
    assert answer.status == 404
    assert answer.json["error"] == "Not Found"
    assert answer.all("X-SwiftDeploy-Error") == ["proxy"]
    assert served.stable.asked == []


def test_a_path_that_only_begins_like_a_private_one_is_public(served: Any) -> None:
    served.route(served.stable.address)
    assert served.get("/metricsfoo").status == 200


def test_the_admin_listener_reaches_single_tracks_and_instances_private_paths_too(served: Any) -> None:
    served.route(served.stable.address, served.canary.address, 25)
    for path in ("/tracks/stable", "/tracks/canary", "/instances/stable-1", "/instances/canary-1"):
        answer = served.get(f"{path}/metrics?a=1", admin=True)
        assert str(answer.json["name"]) in path
        assert answer.json["path"] == "/metrics?a=1"
        assert answer.all("X-Deployed-By") == ["swiftdeploy"]
    assert served.get("/tracks/canary/chaos", admin=True, method="POST", body=b"{}").json["size"] == 2


@pytest.mark.parametrize("path", ["/instances/other/", "/tracks/other/", "/", "/instances/stable-1"])
def test_the_admin_listener_answers_404_for_what_is_not_there(served: Any, path: str) -> None:
    served.route(served.stable.address)
    answer = served.get(path, admin=True)
    assert (answer.status, answer.json["code"]) == (404, 404)


def test_a_track_on_the_admin_listener_has_nothing_in_its_place(served: Any, dead: str) -> None:
    served.route(served.stable.address, dead, 50)
    assert served.get("/tracks/canary/", admin=True).status == 502


def test_the_admin_listener_is_closed_to_containers(served: Any) -> None:
    served.route(served.stable.address)
    for path in ("/generation", "/tracks/stable/", "/instances/stable-1/"):
        answer = served.get(path, admin=True, source="127.0.0.2")
        assert (answer.status, answer.json["error"]) == (403, "Forbidden")
    assert served.stable.asked == []


@pytest.mark.parametrize(("weight", "names"), [(0, {"stable"}), (100, {"canary"}), (50, {"stable", "canary"})])
def test_the_split_is_by_weight_and_exact_at_its_ends(served: Any, weight: int, names: set[str]) -> None:
    served.route(served.stable.address, served.canary.address, weight)
    # at 50 % one of 60 requests or more goes to each track but once in 2**59 runs
    assert {served.get("/").json["name"] for _ in range(60)} == names


def test_a_lonely_canary_has_everything(served: Any) -> None:
    served.route(None, served.canary.address, 100)
    assert {served.get("/").json["name"] for _ in range(20)} == {"canary"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_dead_canary_falls_back_to_stable(served: Any, dead: str, method: str) -> None:
    served.route(served.stable.address, dead, 100)
    for _ in range(6):
        answer = served.get("/", method=method, body=b"x")
        assert (answer.status, answer.json["name"]) == (200, "stable")
        assert answer.all("X-Deployed-By") == ["swiftdeploy"]


def test_a_client_of_an_old_worker_reaches_the_newest_instance(served: Any, backend: Callable[[str], Any]) -> None:
    served.route(served.stable.address)
    client = served.connect()
    assert served.ask(client, "/").json["name"] == "stable"
    newer = backend("newer")
    served.route(newer.address)
    served.stable.die()
    answer = served.ask(client, "/x?y=1", "POST", b"12345")
    client.close()
    assert (answer.status, answer.json["name"], answer.json["size"]) == (200, "newer", 5)
    assert answer.all("X-Deployed-By") == ["swiftdeploy"]
    assert answer.all("X-Mode") == ["newer"]
    assert answer.all("X-SwiftDeploy-Error") == []
    headers: Any = answer.json["headers"]
    assert [value for name, value in headers if name == "X-Forwarded-For"] == ["127.0.0.1"]
    assert dict(headers)["Host"] == f"127.0.0.1:{served.settings.port}"


def test_the_apps_own_error_over_the_handoff_is_not_marked_as_the_proxys(
    served: Any, backend: Callable[[str], Any]
) -> None:
    served.route(served.stable.address)
    client = served.connect()
    served.ask(client, "/")
    served.route(backend("newer").address)
    served.stable.die()
    answer = served.ask(client, "/status/503")
    client.close()
    assert (answer.status, answer.json["name"]) == (503, "newer")
    assert answer.all("X-SwiftDeploy-Error") == []

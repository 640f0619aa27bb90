"""What the sample app says: bodies, headers, routes."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


def test_welcome_names_message_mode_version_and_timestamp(stable):
    body = stable.ask("GET", "/").json
    assert set(body) == {"message", "mode", "version", "timestamp"}
    assert (body["mode"], body["version"]) == ("stable", "1.0.0")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["timestamp"])


def test_health_names_status_mode_version_and_uptime(canary):
    body = canary.ask("GET", "/healthz").json
    assert set(body) == {"status", "mode", "version", "uptime_seconds"}
    assert (body["status"], body["mode"], body["version"]) == ("ok", "canary", "2.0.0")
    assert 0 <= body["uptime_seconds"] < 60


def test_a_query_does_not_change_the_route(shared_stable):
    assert shared_stable.ask("GET", "/healthz?full=1").status == 200


@pytest.mark.parametrize("path", ["/v1/data", "/healthz/", "//", "/%2e", "/index.html?x=/"])
def test_another_path_is_a_json_404(shared_stable, path):
    reply = shared_stable.ask("GET", path)
    assert (reply.status, reply.json) == (404, {"error": "not found"})


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/healthz", "GET, HEAD"),
        ("GET", "/chaos", "POST"),
        ("BREW", "/metrics", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_a_json_405_that_names_the_right_one(shared_stable, method, path, allow):
    reply = shared_stable.ask(method, path)
    assert (reply.status, reply.headers["allow"]) == (405, allow)
    assert allow in reply.json["error"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere"])
def test_head_answers_as_get_without_the_body(shared_stable, path):
    head, got = shared_stable.ask("HEAD", path), shared_stable.ask("GET", path)
    assert (head.status, head.body) == (got.status, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert abs(int(head.headers["content-length"]) - len(got.body)) <= 2  # uptime may have grown by a digit or two


RAW = {
    "200": b"GET / HTTP/1.1\r\n\r\n",
    "400": b"POST /chaos HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]",
    "400 request line": b"what is this\r\n\r\n",
    "400 header": b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    "404": b"GET /nowhere HTTP/1.1\r\n\r\n",
    "405": b"PUT / HTTP/1.1\r\n\r\n",
    "411": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "413": b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
    "431": b"GET / HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n",
    "505": b"PRI * HTTP/2.0\r\n\r\n",
}


@pytest.mark.parametrize("case", RAW)
def test_every_answer_of_a_canary_is_json_and_says_canary_once(shared_canary, rig, case):
    one = shared_canary.connect()
    one.sendall(RAW[case])
    received = one.recv(65536)
    assert received.split()[1].decode() == case.split()[0]
    assert received.lower().count(b"x-mode: canary\r\n") == 1
    assert received.partition(b"\r\n\r\n")[2].startswith(b"{")


def test_an_answer_of_stable_has_no_x_mode(shared_stable):
    assert "x-mode" not in shared_stable.ask("GET", "/").headers


def test_an_injected_error_says_canary_too(canary):
    canary.chaos(mode="error", rate=1)
    reply = canary.ask("GET", "/")
    assert (reply.status, reply.headers["x-mode"]) == (500, "canary")
    assert "error" in reply.json


@pytest.mark.parametrize(
    ("name", "value"),
    [("MODE", "blue"), ("APP_PORT", "http"), ("APP_PORT", "0"), ("APP_PORT", "65536"), ("APP_DRAIN_SECONDS", "-1")],
)
def test_a_wrong_environment_ends_with_2_and_names_the_variable(rig, name, value):
    done = subprocess.run([sys.executable, str(rig.app)], env={name: value}, capture_output=True, timeout=20)
    assert done.returncode == 2
    assert f"{name} is '{value}', must be".encode() in done.stdout


def test_a_taken_port_ends_with_1_and_names_it(rig, stable):
    env = {"APP_PORT": str(stable.port), "APP_HOST": "127.0.0.1"}
    done = subprocess.run([sys.executable, str(rig.app)], env=env, capture_output=True, timeout=20)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {stable.port}".encode() in done.stdout


def test_it_runs_on_the_standard_library_alone_and_without_http_server(rig):
    code = "import runpy, sys; runpy.run_path(sys.argv[1]); print(*sys.modules)"
    argv = [sys.executable, "-I", "-S", "-c", code, str(rig.app)]
    loaded = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout.split()
    assert {one.partition(".")[0] for one in loaded} - {"__main__"} <= sys.stdlib_module_names
    assert "http.server" not in loaded  # 40 ms of every start

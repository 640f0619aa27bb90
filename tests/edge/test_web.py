"""Small HTTP calls get their answer in time, or fail as an OSError."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from swiftdeploy.edge.web import MAX_BODY_BYTES, Web


@contextmanager
def served(*pieces, pause=0.0, keep_open=False):
    """A server that answers one connection, `pause` seconds before each piece; yields its URL and what it got."""
    got = []
    listening = socket.create_server(("127.0.0.1", 0))
    ending = threading.Event()

    def serve():
        connection, _ = listening.accept()
        with connection:
            got.append(_request(connection))
            for piece in pieces:
                ending.wait(pause)
                try:
                    connection.sendall(piece)
                except OSError:
                    return
            if keep_open:
                ending.wait(30)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", got
    finally:
        ending.set()
        listening.close()
        thread.join(5)


def _request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    while lengths and len(body) < lengths[0]:
        body += connection.recv(65536)
    return head.decode(), body


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def test_get_gives_status_and_text():
    with served(OK) as (url, got):
        assert Web().get(f"{url}/metrics?x=1", 2) == (200, "hello")
    assert got[0][0].startswith("GET /metrics?x=1 HTTP/1.1\r\n")


def test_post_sends_json():
    with served(OK) as (url, got):
        assert Web().post(f"{url}/chaos", {"mode": "error", "rate": 0.6}, 2) == (200, "hello")
    head, body = got[0]
    assert "Content-Type: application/json" in head
    assert json.loads(body) == {"mode": "error", "rate": 0.6}


def test_an_error_status_is_an_answer():
    with served(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as (url, _):
        assert Web().get(url, 2) == (403, "")


def test_a_redirect_is_an_answer_and_not_followed():
    with served(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n") as (url, _):
        assert Web().get(url, 2) == (302, "")


def test_bytes_that_are_no_text_do_not_fail():
    with served(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe") as (url, _):
        assert Web().get(url, 2) == (200, "��")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="closed at once"),
        pytest.param(b"hello\r\n\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 abc\r\n\r\n", id="no status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", id="shorter than it said"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000 + b"\r\n\r\n", id="a header without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="a chunk without size"),
    ],
)
def test_a_broken_answer_is_an_os_error(answer):
    with served(answer) as (url, _), pytest.raises(OSError, match=r"127\.0\.0\.1"):
        Web().get(url, 2)


def test_a_refused_connection_is_an_os_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        Web().get(f"http://127.0.0.1:{port}/", 2)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://127.0.0.1:x/", "http:///nowhere", "http://a b/"])
def test_a_bad_address_is_an_os_error(url):
    with pytest.raises(OSError, match=r"."):
        Web().get(url, 0.5)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"HTTP/1.1 200 OK\r\n"] + [b"X-A: b\r\n"] * 40, id="headers"),
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"] + [b"x"] * 40, id="body"),
    ],
)
def test_an_answer_that_drips_ends_at_the_time_limit(pieces):
    with served(*pieces, pause=0.1) as (url, got):
        with pytest.raises(TimeoutError):
            Web().get(url, 0.35)
        assert got, "the request was sent"


def test_silence_ends_at_the_time_limit():
    with served(keep_open=True) as (url, _), pytest.raises(TimeoutError):
        Web().get(url, 0.2)


def test_a_body_over_the_limit_is_refused():
    with (
        served(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * (MAX_BODY_BYTES + 1)) as (url, _),
        pytest.raises(OSError, match="over 8388608 bytes"),
    ):
        Web().get(url, 10)


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with served(OK) as (url, _):
        assert Web().get(url, 2) == (200, "hello")


def test_it_imports_no_heavy_client():
    loaded = (
        "import sys, swiftdeploy.edge.web; print([m for m in ('requests', 'aiohttp', 'asyncio') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted in /proc")
def test_many_calls_leave_no_open_files():
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with served(OK) as (url, _):
            Web().get(url, 2)
    time.sleep(0.05)
    assert len(os.listdir("/proc/self/fd")) <= before + 1

"""Keep-alive, odd clients, and clients that would stall it."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import threading

import pytest


def test_head_and_body_come_in_one_segment(shared_stable):
    one = shared_stable.connect()
    for _ in range(20):
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _, body = one.recv(65536).partition(b"\r\n\r\n")
        assert body.endswith(b"}\n")
        assert f"Content-Length: {len(body)}".encode() in head


def test_requests_sent_together_are_answered_in_order(shared_stable, rig):
    one = shared_stable.connect()
    paths = ["/", "/nowhere", "/healthz", "/"]
    one.sendall(b"".join(f"GET {path} HTTP/1.1\r\n\r\n".encode() for path in paths))
    received = b""
    while received.count(b"HTTP/1.1 ") < 4 or not received.endswith(b"}\n"):
        received += one.recv(65536)
    assert [part.split()[0] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200", b"200"]


@pytest.mark.parametrize("path", ["/", "/nowhere", "/chaos", "/healthz"])
@pytest.mark.parametrize("size", [1, 70_000, 1024 * 1024])
def test_a_body_is_read_whatever_the_route_so_that_the_connection_stays_in_step(shared_stable, rig, path, size):
    one = shared_stable.connect()
    for _ in range(2):
        one.sendall(f"POST {path} HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode() + b"G" * size)
        assert rig.read_reply(one).status in (403, 404, 405)
    one.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert rig.read_reply(one).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: -1", 400),
        (b"Content-Length: abc", 400),
        (b"Content-Length: ", 400),
        (b"Content-Length: +5", 400),
        (b"Content-Length: 5, 5", 400),
        (b"Content-Length: 5\r\nContent-Length: 6", 400),
        (b"Content-Length: 99999999999999999999999", 400),
        (b"Content-Length: 1048577", 413),
        (b"Transfer-Encoding: chunked", 411),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5", 411),
        (b"Content-Length : 5", 400),
        (b" folded: 5", 400),
    ],
)
def test_a_body_of_unsure_length_is_refused_and_the_connection_closed(shared_stable, rig, headers, status):
    one = shared_stable.connect()
    one.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n")
    reply = rig.read_reply(one)
    assert (reply.status, reply.headers["connection"]) == (status, "close")
    assert "error" in reply.json
    assert one.recv(100) == b""  # what followed was never taken for a request


def test_a_refusal_reaches_a_client_that_is_still_sending(shared_stable, rig):
    one = shared_stable.connect()
    one.sendall(b"POST / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n")
    one.sendall(b"x" * 3_000_000)
    assert rig.read_reply(one).status == 413


def test_a_client_that_expects_100_continue_is_told_to_go_on(canary, rig):
    one = canary.connect()
    one.sendall(b"POST /chaos HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 19\r\n\r\n")
    assert one.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    one.sendall(b'{"mode": "recover"}')
    assert rig.read_reply(one).status == 200


def test_http_1_0_is_closed_unless_it_asks(shared_stable, rig):
    one = shared_stable.connect()
    one.sendall(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
    assert rig.read_reply(one).headers["connection"] == "keep-alive"
    one.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert rig.read_reply(one).headers["connection"] == "close"
    assert one.recv(100) == b""


def test_a_client_that_asks_for_close_is_closed(shared_stable, rig):
    one = shared_stable.connect()
    one.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert rig.read_reply(one).headers["connection"] == "close"
    assert one.recv(100) == b""


def test_lines_may_end_in_a_bare_newline_and_start_with_an_empty_one(shared_stable, rig):
    one = shared_stable.connect()
    one.sendall(b"\r\n\nGET / HTTP/1.1\nHost: x\n\n")
    assert rig.read_reply(one).status == 200


def test_a_head_may_come_byte_by_byte(shared_stable, rig):
    one = shared_stable.connect()
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"GET / HTTP/1.1\r\nA: b\r\n\r\n":
        one.sendall(bytes([byte]))
    assert rig.read_reply(one).status == 200


def test_idle_and_slow_clients_do_not_hold_up_others(stable, rig):
    slow = [stable.connect() for _ in range(50)]
    for one in slow:
        one.sendall(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n")
    idle = [stable.connect() for _ in range(300)]  # more than it keeps
    assert stable.ask("GET", "/").status == 200
    assert idle[0].recv(100) == b""  # who idled longest gave way
    for one in slow:
        one.sendall(b"\r\nhello")
    assert {rig.read_reply(one).status for one in slow} == {405}  # who was being served did not


@pytest.fixture
def hasty(rig, monkeypatch):
    """The app in this process, with a time limit that a test can wait for."""
    spec = importlib.util.spec_from_file_location("hasty_app", rig.app)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "REQUEST_SECONDS", 1)
    settings = module.read_settings({"APP_HOST": "127.0.0.1", "APP_PORT": str(rig.free_port())})
    server = module.Server(module.App(settings))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield settings.port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_request_that_never_ends_is_refused_with_408(hasty, rig):
    starts = (b"G", b"GET / HTTP/1.1\r\nHost", b"POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\nab")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", hasty), 15)) for _ in starts]
        for one, start in zip(clients, starts, strict=True):
            one.sendall(start)
        assert [rig.read_reply(one).status for one in clients] == [408] * 3


def test_a_client_that_drips_is_refused_with_408(hasty, rig):
    with socket.create_connection(("127.0.0.1", hasty), 0.05) as one:
        one.sendall(b"GET / HTTP/1.1\r\n")
        received = b""
        for _ in range(200):
            one.sendall(b"x")
            try:
                received = one.recv(100)
            except TimeoutError:
                continue
            break
        assert received.startswith(b"HTTP/1.1 408 ")

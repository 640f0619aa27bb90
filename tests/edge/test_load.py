"""Load comes at its rate, is sorted by who answered, and never asks twice."""

import asyncio
import contextlib
import importlib.util
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.edge import load as load_module
from swiftdeploy.edge.load import Connection, Garbage, Load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKS = b"2;a=b\r\nok\r\n0\r\nX: y\r\n\r\n"


@contextlib.contextmanager
def server(conversation):
    """A server that runs `conversation(reader, writer, request number)` for each request of each connection, until that
    answers False; yields it with the requests it has `seen` and the number of `opened` connections."""
    told = threading.Event()
    here = type("Server", (), {"seen": [], "opened": 0, "url": "", "port": 0})()
    stopping: list[asyncio.Event] = []

    async def serve(reader, writer):
        here.opened += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                here.seen.append((head.decode(), body))
                if not await conversation(reader, writer, len(here.seen)):
                    return
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            writer.close()

    async def run():
        stopping.append(asyncio.Event())
        listening = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256)
        here.port = listening.sockets[0].getsockname()[1]
        here.url = f"http://127.0.0.1:{here.port}"
        here.loop = asyncio.get_running_loop()
        told.set()
        await stopping[0].wait()
        listening.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert told.wait(10)
    try:
        yield here
    finally:
        here.loop.call_soon_threadsafe(stopping[0].set)
        thread.join(10)


def always(answer, goes_on=True):
    async def conversation(reader, writer, number):
        writer.write(answer)
        return goes_on

    return conversation


def played(load, requests=20, seconds=10.0):
    """Run a load until so many requests have ended."""
    load.start()
    end = time.monotonic() + seconds
    while len(load.report().answers) < requests and time.monotonic() < end:
        time.sleep(0.01)
    return load.stop()


def test_every_request_is_sent_once_and_answered():
    with server(always(OK)) as here:
        seen = played(Load(here.url, "/shop", 200))
    assert seen.sent == len(seen.answers) == len(here.seen) >= 20
    assert seen.traffic() == {"stable": seen.sent, "canary": 0}
    assert seen.dropped() == {}
    assert all(head.startswith("GET /shop HTTP/1.1\r\n") for head, _ in here.seen)


def test_kept_connections_are_used_again():
    with server(always(OK)) as here:
        seen = played(Load(here.url, "/", 200), requests=60)
    assert here.opened < seen.sent / 2


def test_fresh_connections_are_used_once():
    with server(always(OK)) as here:
        seen = played(Load(here.url, "/", 200, keepalive=False))
    assert here.opened == seen.sent
    assert all("Connection: close\r\n" in head for head, _ in here.seen)


def test_a_post_carries_its_body():
    with server(always(OK)) as here:
        played(Load(here.url, "/", 200, method="POST", body=b"x" * 100), requests=5)
    assert {(head.split()[0], body) for head, body in here.seen} == {("POST", b"x" * 100)}


@pytest.mark.parametrize(
    ("answer", "traffic", "dropped"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Mode: canary\r\nContent-Length: 0\r\n\r\n", "canary", None, id="canary"),
        pytest.param(b"HTTP/1.1 500 Oops\r\nx-mode: canary\r\nContent-Length: 0\r\n\r\n", "canary", None, id="its 500"),
        pytest.param(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "stable", None, id="503 of the app"),
        pytest.param(
            b"HTTP/1.1 502 Bad\r\nX-SwiftDeploy-Error: proxy\r\nContent-Length: 0\r\n\r\n", None, "proxy 502", id="502"
        ),
        pytest.param(
            b"HTTP/1.1 504 Late\r\nx-swiftdeploy-error: proxy\r\nContent-Length: 0\r\n\r\n", None, "proxy 504", id="504"
        ),
        pytest.param(
            b"HTTP/1.1 404 No\r\nX-SwiftDeploy-Error: proxy\r\nContent-Length: 0\r\n\r\n", "stable", None, id="404"
        ),
        pytest.param(b"hello\r\n\r\n", None, "garbage", id="no HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", None, "garbage", id="a length that is a word"),
    ],
)
def test_an_answer_is_sorted_by_who_made_it(answer, traffic, dropped):
    with server(always(answer)) as here:
        seen = played(Load(here.url, "/", 200), requests=5)
    assert seen.dropped() == ({dropped: seen.sent} if dropped else {})
    assert sum(seen.traffic().values()) == (seen.traffic()[traffic] if traffic else 0)


def test_a_connection_that_ends_with_the_request_is_a_dropped_one_and_not_asked_again():
    with server(always(b"", goes_on=False)) as here:
        seen = played(Load(here.url, "/", 100), requests=10)
    assert seen.dropped() == {"reset": seen.sent}
    assert len(here.seen) == seen.sent


def test_a_kept_connection_that_drops_the_second_request_is_not_asked_again():
    """aiohttp would send that GET once more, and the lost request would not be seen."""
    per_connection: dict[int, int] = {}

    async def conversation(reader, writer, number):
        asked = per_connection[id(writer)] = per_connection.get(id(writer), 0) + 1
        writer.write(OK if asked == 1 else b"")
        return asked == 1

    with server(conversation) as here:
        seen = played(Load(here.url, "/", 100), requests=20)
    assert seen.dropped()["reset"] >= 5
    assert len(here.seen) == seen.sent, "each request reached the server exactly once"


def test_a_connection_that_the_server_closed_while_idle_is_not_used():
    async def conversation(reader, writer, number):
        writer.write(OK)  # keep-alive by its words, and closed by its deeds
        return False

    with server(conversation) as here:
        seen = played(Load(here.url, "/", 20), requests=10)
    assert seen.dropped() == {}
    assert len(here.seen) == here.opened == seen.sent


def test_a_refused_connection_is_dropped():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    seen = played(Load(f"http://127.0.0.1:{port}", "/", 200), requests=5)
    assert seen.dropped() == {"connect": seen.sent}


def test_no_answer_in_time_is_dropped(monkeypatch):
    monkeypatch.setattr(load_module, "REQUEST_SECONDS", 0.1)

    async def silent(reader, writer, number):
        await asyncio.sleep(0.5)
        return False

    with server(silent) as here:
        seen = played(Load(here.url, "/", 50), requests=5)
    assert set(seen.dropped()) == {"timeout"}


def test_slow_answers_do_not_slow_the_load_down():
    async def slow(reader, writer, number):
        await asyncio.sleep(2.0)  # far beyond the look below, and well within the grace of stop()
        writer.write(OK)
        return True

    with server(slow) as here:
        load = Load(here.url, "/", 100)
        load.start()
        time.sleep(0.4)
        assert load.report().sent >= 20
        assert load.report().answers == ()
        seen = load.stop()
    assert len(seen.answers) == seen.sent


def test_a_limit_of_connections_is_kept():
    async def slow(reader, writer, number):
        await asyncio.sleep(0.05)
        writer.write(OK)
        return True

    with server(slow) as here:
        seen = played(Load(here.url, "/", 500, connections=3), requests=12)
    assert here.opened == 3
    assert seen.dropped() == {}


def test_stop_does_not_wait_for_ever():
    async def silent(reader, writer, number):
        await asyncio.sleep(5)
        return False

    with server(silent) as here:
        load = Load(here.url, "/", 50)
        load.start()
        time.sleep(0.1)
        begun = time.monotonic()
        seen = load.stop(grace_seconds=0.1)
        assert time.monotonic() - begun < 3
    assert seen.dropped() == {}, "what was still under way is not lost"
    assert seen.sent > 0


def test_stopping_twice_or_before_the_start_is_fine():
    load = Load("http://127.0.0.1:1", "/", 1)
    assert load.stop().sent == 0
    assert load.stop().sent == 0


def answered(raw, method="GET"):
    """What a Connection makes of some bytes and their end."""

    async def run():
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(raw)
            await writer.drain()
            writer.close()

        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        connection = await Connection.open("127.0.0.1", listening.sockets[0].getsockname()[1])
        try:
            async with asyncio.timeout(5):
                return await connection.ask(method, "/", "x")
        finally:
            connection.close()
            listening.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("raw", "method", "status", "body", "keeps"),
    [
        (OK, "GET", 200, b"ok", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS, "GET", 200, b"ok", True),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "GET", 200, b"until the end", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "GET", 200, b"ok", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", 204, b"", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD", 200, b"", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET", 200, b"ok", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok", "GET", 200, b"ok", False),
    ],
)  # fmt: skip
def test_an_answer_of_every_length_is_read(raw, method, status, body, keeps):
    seen = answered(raw, method)
    assert (seen.status, seen.body, seen.keeps) == (status, body, keeps)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=60))
def test_no_answer_ends_in_another_error(junk):
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, Garbage):
        answered(b"HTTP/1.1 200 OK\r\n" + junk)


def client_of_the_benchmarks():
    path = Path(__file__).parents[2] / "benchmarks" / "client.py"
    spec = importlib.util.spec_from_file_location("benchmarks_client", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Client


def test_the_benchmark_client_mixes_methods_and_connections():
    with server(always(OK)) as here, client_of_the_benchmarks()(here.port, idlers=4, slow_path="/slow") as client:
        time.sleep(2.0)
    assert client.failed == {}
    assert client.ok == client.total > 100
    assert {head.split()[0] for head, _ in here.seen} == {"GET", "POST"}
    assert {"Connection: close" in head for head, _ in here.seen} == {True, False}


def test_the_benchmark_client_counts_a_kept_connection_that_is_closed_on_it():
    with (
        server(always(OK, goes_on=False)) as here,
        client_of_the_benchmarks()(here.port, rps=100, kept=4, idlers=0) as client,
    ):
        time.sleep(0.8)
    assert any(kind.startswith("kept") for kind in client.failed)
    assert len(client.when) == sum(client.failed.values())

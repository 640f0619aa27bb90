"""The probe asks politely, counts what it saw, and ends in time whatever the target does."""

import socket
import struct
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from swiftdeploy.edge import traffic
from swiftdeploy.edge.traffic import Probe
from swiftdeploy.model.errors import Interrupted


@contextmanager
def app(answer):
    """An app whose GETs are answered by `answer(handler, number)`; yields it with the requests it has `seen`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self):
            with server.counting:
                server.seen.append((time.monotonic(), self.path, self.headers))
                server.now += 1
                server.most = max(server.most, server.now)
                number = len(server.seen)
            try:
                answer(self, number)
            finally:
                with server.counting:
                    server.now -= 1

        def log_message(self, *words):
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, request, client_address):
            pass  # a probe that gave up is no error of this server

    server = Server(("127.0.0.1", 0), Handler)
    server.counting, server.seen, server.now, server.most = threading.Lock(), [], 0, 0
    server.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def reply(status=200, body=b"ok", after=0.0, **headers):
    def answer(handler, number):
        time.sleep(after)
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def probe(address, path, requests, rps, stop=lambda: False, **limits):
    """The tally of a probe of one path."""
    (seen,) = Probe(stop).probe(address, (path,), requests, rps, **limits)
    return seen


def test_every_request_is_counted_with_its_latency():
    with app(reply()) as server:
        seen = probe(server.address, "/shop?x=1", 40, 400)
    assert (seen.requests, seen.errors, seen.statuses, seen.path) == (40, 0, {"200": 40}, "/shop?x=1")
    assert len(seen.latencies_ms) == 40
    assert min(seen.latencies_ms) > 0
    assert {path for _, path, _ in server.seen} == {"/shop?x=1"}


def test_the_app_can_tell_the_probe_from_users():
    with app(reply()) as server:
        probe(server.address, "/", 3, 100)
    assert {headers["User-Agent"] for _, _, headers in server.seen} == {"swiftdeploy-probe"}


def test_requests_are_paced():
    with app(reply()) as server:
        seen = probe(server.address, "/", 30, 60)
    assert seen.seconds >= 29 / 60 - traffic.BURST_SECONDS


@pytest.mark.parametrize(
    ("status", "errors"), [(200, 0), (204, 0), (302, 0), (304, 0), (400, 5), (404, 5), (500, 5), (503, 5)]
)
def test_anything_but_2xx_and_3xx_is_an_error(status, errors):
    with app(reply(status, b"", Location="/elsewhere")) as server:
        seen = probe(server.address, "/", 5, 500)
    assert (seen.errors, seen.statuses) == (errors, {str(status): 5})
    assert {path for _, path, _ in server.seen} == {"/"}, "a redirect is not followed"


def test_a_mixture_is_counted_by_status():
    with app(lambda handler, number: reply(500 if number % 3 == 0 else 200)(handler, number)) as server:
        seen = probe(server.address, "/", 30, 500)
    assert (seen.errors, seen.statuses) == (10, {"200": 20, "500": 10})
    assert seen.figures().error_rate_percent == 33.3333


def reset(handler, number):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def half(handler, number):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
    handler.close_connection = True


def garbage(handler, number):
    handler.wfile.write(b"hello\r\n\r\n")
    handler.close_connection = True


@pytest.mark.parametrize("answer", [reset, half, garbage])
def test_a_broken_answer_is_an_error(answer):
    with app(answer) as server:
        seen = probe(server.address, "/", 5, 500)
    assert (seen.requests, seen.errors, seen.statuses) == (5, 5, {"connection": 5})


def test_nobody_there_is_all_errors():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    seen = probe(f"127.0.0.1:{port}", "/", 20, 500)
    assert (seen.requests, seen.errors) == (20, 20)
    assert seen.figures().error_rate_percent == 100.0


def test_a_slow_target_is_never_asked_more_than_32_things_at_once_and_ends_in_time():
    with app(reply(after=0.12)) as server:
        seen = probe(server.address, "/", 3000, 750, longest_seconds=3.0)
    assert server.most <= 32
    assert seen.seconds < 3.5
    assert 100 < seen.requests <= 32 * 25
    assert seen.errors == 0, "who is merely slow is not made an error by the end of the probe"


def test_a_request_unfinished_at_its_limit_is_an_error_with_the_latency_so_far(monkeypatch):
    monkeypatch.setattr(traffic, "REQUEST_SECONDS", 0.3)
    with app(lambda handler, number: reply(after=1.0 if number == 2 else 0)(handler, number)) as server:
        seen = probe(server.address, "/", 5, 500)
    assert (seen.requests, seen.errors, seen.statuses) == (5, 1, {"200": 4, "timeout": 1})
    assert 300 <= max(seen.latencies_ms) < 900
    assert seen.figures().p99_is_lower_bound


def test_an_answer_that_drips_is_unfinished_too(monkeypatch):
    monkeypatch.setattr(traffic, "REQUEST_SECONDS", 0.3)

    def drip(handler, number):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
        for _ in range(20):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    with app(drip) as server:
        seen = probe(server.address, "/", 3, 500)
    assert seen.statuses == {"timeout": 3}


def test_a_target_that_hangs_is_all_errors_and_ends_in_time(monkeypatch):
    monkeypatch.setattr(traffic, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(traffic, "TOTAL_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
        seen = probe(f"127.0.0.1:{silent.getsockname()[1]}", "/", 300, 500, enough=7, longest_seconds=20)
    assert seen.seconds < 10
    assert seen.requests == seen.errors == seen.statuses["timeout"] >= 7
    assert seen.figures().p99_is_lower_bound
    assert seen.figures().p99_latency_ms >= 300
    assert seen.said() == f"probe of / answered nothing in 5 s on {seen.requests} of {seen.requests}"


def test_an_app_that_fails_under_any_load_is_all_errors_at_the_full_rate():
    with app(reply(500)) as server:
        seen = probe(server.address, "/", 100, 150)
    assert (seen.requests, seen.errors, seen.slowed) == (100, 100, "")
    assert seen.said() == "probe of / answered 500 on 100 of 100"


def working(workers, seconds):
    """Answers in `seconds`, as many at once as there are workers."""
    free = threading.Semaphore(workers)

    def answer(handler, number):
        with free:
            reply(after=seconds)(handler, number)

    return answer


def test_two_workers_of_50_ms_are_not_overloaded_by_the_probe():
    with app(working(2, 0.05)) as server:
        seen = probe(server.address, "/", 300, 150, enough=60, longest_seconds=6)
    assert seen.errors == 0
    assert seen.requests >= 60
    assert seen.slowed.startswith("backed off to ")
    assert 50 <= seen.figures().p99_latency_ms <= 400, "853 ms when it was asked 150 times a second"
    assert len(seen.timed_ms) < len(seen.latencies_ms) == seen.requests


def test_an_app_that_is_slow_by_itself_is_slow():
    with app(reply(after=0.5)) as server:
        seen = probe(server.address, "/", 40, 150)
    assert (seen.requests, seen.errors, seen.slowed) == (40, 0, "")
    assert len(seen.timed_ms) == 40
    assert seen.figures().p99_latency_ms >= 500


def test_errors_of_an_overloaded_app_are_errors():
    with app(lambda handler, number: reply(503 if server.now > 2 else 200, after=0.05)(handler, number)) as server:
        seen = probe(server.address, "/", 100, 150)
    assert seen.errors == seen.statuses["503"] > 0


def test_each_path_has_its_own_tally():
    def answer(handler, number):
        reply({"/a": 200, "/b": 500, "/c?x=1": 404}[handler.path])(handler, number)

    with app(answer) as server:
        seen = Probe().probe(server.address, ("/a", "/b", "/c?x=1"), 31, 300)
    assert [(one.path, one.requests, one.errors) for one in seen] == [("/a", 11, 0), ("/b", 10, 10), ("/c?x=1", 10, 10)]
    assert [one.said() for one in seen] == [
        "",
        "probe of /b answered 500 on 10 of 10",
        "probe of /c?x=1 answered 404 on 10 of 10",
    ]
    assert seen[2].figures({"404"}).error_rate_percent == 0.0


def endless(handler, number):
    """An event stream, until nobody listens."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n")
    try:
        for _ in range(200):
            handler.wfile.write(b"data: x\n\n")
            handler.wfile.flush()
            time.sleep(0.02)
    except OSError:
        handler.close_connection = True


def upgrade(handler, number):
    handler.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
    handler.wfile.flush()
    time.sleep(3)


@pytest.mark.parametrize(("answer", "status"), [(endless, "200"), (upgrade, "101")])
def test_a_stream_is_a_sample_and_has_no_p99(answer, status):
    with app(answer) as server:
        seen = probe(server.address, "/", 10, 500)
    assert (seen.requests, seen.errors, seen.statuses, seen.streams) == (10, 0, {status: 10}, 10)
    assert seen.figures().samples == 10
    assert seen.figures().p99_latency_ms is None
    assert max(seen.latencies_ms) < 2000, "it is not listened to"


def test_a_stream_that_fails_is_an_error():
    with app(reply(500, **{"Content-Type": "text/event-stream"})) as server:
        seen = probe(server.address, "/", 5, 500)
    assert (seen.errors, seen.streams) == (5, 5)


def test_whoever_watches_ends_it_at_once_and_what_is_open_is_no_error():
    looks = []

    def watch(so_far):
        looks.append(so_far)
        return so_far[0].errors >= 3

    with app(
        lambda handler, number: reply(500 if number <= 3 else 200, after=0 if number <= 3 else 4)(handler, number)
    ) as server:
        seen = probe(server.address, "/", 300, 150, watch=watch)
    assert (seen.requests, seen.errors, seen.statuses) == (3, 3, {"500": 3}), "the others would answer after 4 s"
    assert seen.dropped == len(server.seen) - 3 > 0
    assert all(one.path == "/" for so_far in looks for one in so_far)


def test_it_is_watched_some_four_times_a_second():
    looks = []
    with app(reply()) as server:
        seen = probe(server.address, "/", 100, 100, watch=lambda so_far: looks.append(so_far[0].requests))
    assert looks == sorted(looks)
    assert 2 <= len(looks) <= 4 * seen.seconds + 1


def test_what_a_watcher_raises_ends_the_probe():
    def watch(so_far):
        raise Interrupted("enough")

    before = threading.active_count()
    with app(reply(after=2.0)) as server, pytest.raises(Interrupted, match="enough"):
        probe(server.address, "/", 300, 150, watch=watch)
    end = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.02)
    assert threading.active_count() <= before


def test_it_goes_on_after_its_usual_time_until_there_is_enough(monkeypatch):
    monkeypatch.setattr(traffic, "TOTAL_SECONDS", 0.5)
    with app(reply()) as server:
        short = probe(server.address, "/", 300, 60, longest_seconds=10)
        enough = probe(server.address, "/", 300, 60, enough=60, longest_seconds=10)
        longest = probe(server.address, "/", 300, 60, enough=300, longest_seconds=1.2)
    assert short.requests < 60 <= enough.requests < 120
    assert longest.requests < 120
    assert short.errors == enough.errors == longest.errors == 0


def test_one_question_gets_one_answer():
    with app(reply(404)) as server:
        told = Probe().ask(server.address, "/x?y=1")
    assert (told.status, told.streams) == (404, False)
    assert 0 < told.seconds < 5
    assert [path for _, path, _ in server.seen] == ["/x?y=1"]
    with app(endless) as server:
        assert Probe().ask(server.address, "/").streams


def test_one_question_without_an_answer_is_an_oserror(monkeypatch):
    monkeypatch.setattr(traffic, "REQUEST_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(OSError, match="no answer in 5 s"):
            Probe().ask(address, "/")
        with pytest.raises(Interrupted):
            Probe(lambda: True).ask(address, "/")
    with pytest.raises(OSError, match="refused or broke"):
        Probe().ask(address, "/")


def test_a_probe_can_be_interrupted():
    with app(reply(after=3.0)) as server:
        begun = time.monotonic()
        with pytest.raises(Interrupted):
            probe(server.address, "/", 300, 500, stop=lambda: time.monotonic() - begun > 0.3)
        assert time.monotonic() - begun < 2.0


def test_a_probe_leaves_no_threads():
    with app(reply()) as server:
        before = threading.active_count()
        probe(server.address, "/", 50, 1000)
        end = time.monotonic() + 5
        while threading.active_count() > before and time.monotonic() < end:
            time.sleep(0.02)
        assert threading.active_count() <= before

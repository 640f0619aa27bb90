"""The sample service: four routes, true metrics, faults on demand, and an end that loses no request.

Standard library only. It stands on `socketserver` and not on `http.server`: that one takes 40 ms more to import, parses
every head as an e-mail, and answers its own errors in HTML.
"""

from __future__ import annotations

import bisect
import contextlib
import json
import math
import os
import random
import re
import select
import signal
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OWN_ROUTES = frozenset({"/healthz", "/metrics", "/chaos"})  # no faults here, and never in the in-flight gauge
REASONS = {
    200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 411: "Length Required", 413: "Content Too Large", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 505: "HTTP Version Not Supported",
}  # fmt: skip
CHAOS = {None: 0, "slow": 1, "error": 2}
# What each chaos mode takes: field -> (default, lowest, highest).
CHAOS_FIELDS: dict[str, dict[str, tuple[float | None, float, float]]] = {
    "slow": {"duration": (2, 0, 30), "ttl": (None, 0, 86400)},
    "error": {"rate": (0.5, 0, 1), "ttl": (None, 0, 86400)},
    "recover": {},
}
MAX_HEAD, MAX_CHAOS, MAX_BODY = 16 * 1024, 64 * 1024, 1024 * 1024  # bytes; MAX_BODY is nginx's own default limit
REQUEST_SECONDS = 30  # for a whole head, and for a whole body
IDLE_SECONDS = 75  # longer than the 60 s a proxy keeps idle connections by default, so that the proxy closes first
MAX_CONNECTIONS = 200  # below a pids_limit of 256; then the one that has idled longest gives way to a new one
LINE_END, HEAD_END = re.compile(rb"(?<=[^\r\n])\r?\n"), re.compile(rb"(?:\A|\r?\n)\r?\n")
REQUEST_LINE = re.compile(rb"([!-~]+) ([!-\xff]+) HTTP/([0-9])\.([0-9])")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*\r?", re.DOTALL)
LENGTH = re.compile(rb"[0-9]{1,15}")
OTHER = "other"  # label of every method and route that is not ours


class Settings(NamedTuple):
    """What the environment says about this instance."""

    mode: str
    version: str
    host: str
    port: int
    instance: str
    drain_seconds: float


def read_settings(env: Mapping[str, str]) -> Settings:
    """Settings from environment variables; raises ValueError that names the variable and what it must be."""
    mode, port, drain = env.get("MODE", "stable"), env.get("APP_PORT", "3000"), env.get("APP_DRAIN_SECONDS", "30")
    if mode not in ("stable", "canary"):
        raise ValueError(f"MODE is {mode!r}, must be stable or canary")
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError(f"APP_PORT is {port!r}, must be a port number from 1 to 65535")
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", drain):
        raise ValueError(f"APP_DRAIN_SECONDS is {drain!r}, must be a number of seconds")
    host, instance = env.get("APP_HOST") or "0.0.0.0", env.get("APP_INSTANCE") or socket.gethostname()
    return Settings(mode, env.get("APP_VERSION", "1.0.0"), host, int(port), instance, float(drain))


def log(line: str) -> None:
    """One whole line to stdout in one write; a reader that went away must not end the service."""
    with contextlib.suppress(OSError):
        os.write(1, f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n".encode(errors="replace"))


class Answer(NamedTuple):
    """A response, but for the headers that every response has."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: str = ""


class Second(NamedTuple):
    """What stays the same for one second, and is made once in it."""

    unix: int
    date: str
    welcome: Answer


def as_json(status: int, headers: str = "", /, **fields: object) -> Answer:
    """An answer whose body is one JSON object."""
    return Answer(status, json.dumps(fields).encode() + b"\n", headers=headers)


class Refused(Exception):
    """The request cannot be read: answer this, then close, as the next byte may belong to anything."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.answer = as_json(status, error=reason)


class Fault(NamedTuple):
    """A fault in force. `over` is set when it ends early and wakes the requests that sleep in it."""

    mode: str
    duration: float
    rate: float
    until: float  # monotonic seconds
    over: threading.Event


def read_chaos(body: bytes) -> dict[str, Any]:
    """The wish in a body of POST /chaos: `mode` and its fields, with defaults; raises ValueError with the reason."""
    try:
        wish = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(wish, dict):
        raise ValueError("the body must be a JSON object")
    mode = wish.get("mode")
    if not isinstance(mode, str) or mode not in CHAOS_FIELDS:
        raise ValueError("mode must be slow, error or recover")
    fields = CHAOS_FIELDS[mode]
    if unknown := sorted(set(wish) - {"mode", *fields}):
        raise ValueError(f"{mode} takes no {unknown[0][:40]!r}")
    read: dict[str, Any] = {"mode": mode}
    for name, (default, lowest, highest) in fields.items():
        value: Any = wish.get(name, default)
        # One chained comparison refuses NaN and infinity too, and holds for integers of any size.
        if name in wish and (type(value) not in (int, float) or not lowest <= value <= highest):
            raise ValueError(f"{name} must be a number from {lowest} to {highest}")
        read[name] = value
    return read


def escaped(text: str) -> str:
    """A label value as the Prometheus text format wants it."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class Metrics:
    """Counts and durations of requests since the start. All labels come from closed sets, so it cannot grow."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.in_flight = 0
        self.requests: dict[tuple[str, str, int], int] = {}
        self.bins: dict[str, list[int]] = {}  # path -> requests whose duration fell into each bucket alone
        self.sums: dict[str, float] = {}  # path -> seconds

    def flight(self, by: int) -> None:
        """A user's request begins (1) or has its answer (-1)."""
        with self.lock:
            self.in_flight += by

    def record(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        with self.lock:
            key = (method, path, status)
            self.requests[key] = self.requests.get(key, 0) + 1
            if path not in self.bins:
                self.bins[path], self.sums[path] = [0] * (len(BUCKETS) + 1), 0.0
            self.bins[path][bisect.bisect_left(BUCKETS, seconds)] += 1
            self.sums[path] += seconds

    def lines(self) -> list[str]:
        """The request series of one moment, in the Prometheus text format."""
        with self.lock:
            requests, sums, in_flight = dict(self.requests), dict(self.sums), self.in_flight
            bins = {path: tuple(counts) for path, counts in self.bins.items()}
        out = series("http_requests_total", "counter", "Requests answered, by method, route and status.")
        for (method, path, status), count in sorted(requests.items()):
            out.append(f'http_requests_total{{method="{method}",path="{path}",status_code="{status}"}} {count}')
        name = "http_request_duration_seconds"
        out += series(name, "histogram", "Seconds from the first byte of a request to its answer, by route.")
        for path, counts in sorted(bins.items()):
            total = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                total += count
                out.append(f'{name}_bucket{{path="{path}",le="{bound}"}} {total}')
            out += [f'{name}_sum{{path="{path}"}} {sums[path]!r}', f'{name}_count{{path="{path}"}} {total}']
        out += series("app_requests_in_flight", "gauge", "Requests being served, but for the service's own routes.")
        return [*out, f"app_requests_in_flight {in_flight}"]


def series(name: str, kind: str, about: str) -> list[str]:
    """The two lines that go before a metric's samples."""
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]


class App:
    """What the service answers; knows nothing of sockets."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.started, self.started_unix = time.monotonic(), time.time()
        self.lock = threading.Lock()
        self.fault: Fault | None = None
        self.routes: dict[str, dict[str, Callable[[bytes], Answer]]] = {
            "/": {"GET": self.welcome},
            "/healthz": {"GET": self.health},
            "/metrics": {"GET": self.exposition},
            "/chaos": {"POST": self.chaos},
        }
        self.current = Second(0, "", as_json(200))
        self.mark = "X-Mode: canary\r\n" if settings.mode == "canary" else ""

    def respond(self, method: str, path: str, body: bytes) -> Answer:
        """The answer to one request; suffers the fault in force on the way, if the route is a user's."""
        if path not in OWN_ROUTES and (fault := self.current_fault()):
            if fault.mode == "slow":
                fault.over.wait(max(0.0, min(fault.duration, fault.until - time.monotonic())))
            elif random.random() < fault.rate:
                return as_json(500, error="injected fault", chaos="error")
        route = self.routes.get(path)
        if route is None:
            return as_json(404, error="not found")
        act = route.get("GET" if method == "HEAD" else method)
        if act is None:
            allow = ", ".join([*route, *(["HEAD"] if "GET" in route else [])])
            return as_json(405, f"Allow: {allow}\r\n", error=f"method not allowed, use {allow}")
        return act(body)

    def current_fault(self) -> Fault | None:
        fault = self.fault
        return fault if fault and time.monotonic() < fault.until else None

    def change_fault(self, fault: Fault | None) -> None:
        """Put a fault in force, or none; wakes the requests that sleep in the former one."""
        with self.lock:
            former, self.fault = self.fault, fault
        if former:
            former.over.set()

    def second(self) -> Second:
        now = int(time.time())
        if self.current.unix != now:
            clock = time.gmtime(now)
            stamp, (mode, version) = time.strftime("%Y-%m-%dT%H:%M:%SZ", clock), self.settings[:2]
            welcome = as_json(200, message="Welcome to SwiftDeploy", mode=mode, version=version, timestamp=stamp)
            self.current = Second(now, time.strftime("%a, %d %b %Y %H:%M:%S GMT", clock), welcome)
        return self.current

    def welcome(self, _body: bytes) -> Answer:
        return self.second().welcome

    def health(self, _body: bytes) -> Answer:
        uptime = round(time.monotonic() - self.started, 2)
        return as_json(200, status="ok", mode=self.settings.mode, version=self.settings.version, uptime_seconds=uptime)

    def exposition(self, _body: bytes) -> Answer:
        fault, here = self.current_fault(), self.settings
        info = f'app_info{{instance="{escaped(here.instance)}",version="{escaped(here.version)}"}}'
        out = self.metrics.lines()
        for name, about, sample, value in (
            ("app_uptime_seconds", "Seconds since the start.", "", round(time.monotonic() - self.started, 3)),
            ("app_mode", "0 is stable, 1 is canary.", "", int(here.mode == "canary")),
            ("chaos_active", "0 is none, 1 is slow, 2 is error.", "", CHAOS[fault.mode if fault else None]),
            ("process_start_time_seconds", "Unix time of the start.", "", round(self.started_unix, 3)),
            ("app_info", "Which instance this is, and of which version.", info, 1),
        ):
            out += [*series(name, "gauge", about), f"{sample or name} {value}"]
        return Answer(200, "\n".join([*out, ""]).encode(errors="replace"), "text/plain; version=0.0.4; charset=utf-8")

    def chaos(self, body: bytes) -> Answer:
        if self.settings.mode != "canary":
            return as_json(403, error="chaos is for a canary only, and this instance is stable")
        if len(body) > MAX_CHAOS:
            return as_json(413, error=f"the body has {len(body)} bytes, at most {MAX_CHAOS} are read")
        try:
            wish = read_chaos(body)
        except ValueError as wrong:
            return as_json(400, error=str(wrong))
        ttl = wish.get("ttl")
        until = math.inf if ttl is None else time.monotonic() + ttl
        fault = Fault(wish["mode"], wish.get("duration", 0), wish.get("rate", 0), until, threading.Event())
        self.change_fault(None if fault.mode == "recover" else fault)
        log(f"chaos {json.dumps(wish)}")
        return as_json(200, chaos=wish)


class Connection(socketserver.BaseRequestHandler):
    """One client's connection: requests in, answers out, until one side closes. Runs in a thread of its own."""

    request: socket.socket
    server: Server

    def setup(self) -> None:
        self.unread = bytearray()

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client went away: nobody is left to answer
            while self.wait() and self.serve():
                pass

    def wait(self) -> bool:
        """Wait for the first byte of a request; False when there will be none."""
        if self.unread:
            return True
        self.server.idle[self.request] = None
        try:
            self.unread += self.request.recv(65536)
        finally:
            self.server.idle.pop(self.request, None)  # it may have given way already
        return bool(self.unread)

    def serve(self) -> bool:
        """Read one request and answer it; whether the connection stays open."""
        started, app = time.monotonic(), self.server.app
        method = route = OTHER
        keep = old = counted = refused = False
        try:
            try:
                method, route, old = self.request_line(started + REQUEST_SECONDS)
                counted = route not in OWN_ROUTES
                if counted:
                    app.metrics.flight(1)
                length, keep, expects = self.headers(started + REQUEST_SECONDS, not old)
                answer = app.respond(method, route, self.body(length, expects))
            except Refused as refusal:
                answer, keep, refused = refusal.answer, False, True
            keep = keep and not self.server.stopping
            seconds = time.monotonic() - started
            # Recorded before it is written, so that who has an answer finds it in the next scrape.
            app.metrics.record(method, route, answer.status, seconds)
            if answer.status >= 500:
                log(f"{method} {route} {answer.status} {seconds:.4f}s")
            connection = "" if keep and not old else f"Connection: {'keep-alive' if keep else 'close'}\r\n"
            self.write(answer, method == "HEAD", connection)
        finally:
            if counted:
                app.metrics.flight(-1)
        if refused:
            self.linger()
        return keep

    def request_line(self, deadline: float) -> tuple[str, str, bool]:
        """Method and route, both as labels, and whether it is HTTP/1.0."""
        line = REQUEST_LINE.fullmatch(self.until(LINE_END, deadline).lstrip())  # empty lines before it are allowed
        if not line:
            raise Refused(400, "this is not an HTTP request line")
        if line[3] != b"1":
            raise Refused(505, "HTTP/1.0 and HTTP/1.1 are spoken here")
        method, route = line[1].decode("latin-1"), line[2].partition(b"?")[0].decode("latin-1")
        routes = self.server.app.routes
        return method if method in METHODS else OTHER, route if route in routes else OTHER, line[4] == b"0"

    def headers(self, deadline: float, keep: bool) -> tuple[int, bool, bool]:
        """Length of the body, whether the client keeps the connection, and whether it waits for `100 Continue`."""
        length, expects = b"", False
        head = self.until(HEAD_END, deadline)
        for line in head.split(b"\n") if head else ():
            header = HEADER.fullmatch(line)
            if not header:
                raise Refused(400, "a header line is malformed")
            name, value = header[1].lower(), header[2]
            if name == b"content-length":
                if not LENGTH.fullmatch(value) or (length and length != value):
                    raise Refused(400, "Content-Length must be one number")
                length = value
            elif name == b"transfer-encoding":
                raise Refused(411, "chunked bodies are not read, send Content-Length")
            elif name == b"connection":
                keep = b"close" not in value.lower() and (keep or b"keep-alive" in value.lower())
            elif name == b"expect":
                expects = value.lower() == b"100-continue"
        if int(length or 0) > MAX_BODY:
            raise Refused(413, f"the body has {int(length)} bytes, at most {MAX_BODY} are read")
        return int(length or 0), keep, expects

    def body(self, length: int, expects: bool) -> bytes:
        """The body, read whatever the route, so that the next request begins where this one ends."""
        if expects and len(self.unread) < length:
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        deadline = time.monotonic() + REQUEST_SECONDS
        while len(self.unread) < length:
            self.more(deadline)
        return self.take(length, length)

    def until(self, end: re.Pattern[bytes], deadline: float) -> bytes:
        """Take what comes before `end`, and drop `end`."""
        searched = 0
        while not (found := end.search(self.unread, searched)):
            if len(self.unread) > MAX_HEAD:
                break
            searched = max(0, len(self.unread) - 3)
            self.more(deadline)
        if not found or found.start() > MAX_HEAD:
            raise Refused(431, f"the head has more than {MAX_HEAD} bytes")
        return self.take(found.start(), found.end())

    def take(self, length: int, drop: int) -> bytes:
        taken = bytes(self.unread[:length])
        del self.unread[:drop]
        return taken

    def more(self, deadline: float) -> None:
        """Read what has come; a client that is slower than the deadline is refused, however often it sends a byte."""
        try:
            self.request.settimeout(max(0.001, deadline - time.monotonic()))
            data = self.request.recv(65536)
            self.request.settimeout(None)
        except TimeoutError:
            raise Refused(408, f"the request took longer than {REQUEST_SECONDS} s to arrive") from None
        if not data:
            raise ConnectionAbortedError
        self.unread += data

    def write(self, answer: Answer, head_only: bool, connection: str) -> None:
        """Send head and body in one write: in two, Nagle's rule and delayed ACKs cost 40 ms a request."""
        app = self.server.app
        head = (
            f"HTTP/1.1 {answer.status} {REASONS[answer.status]}\r\nDate: {app.second().date}\r\n"
            f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n{app.mark}"
            f"{answer.headers}{connection}\r\n"
        )
        self.request.sendall(head.encode() + (b"" if head_only else answer.body))

    def linger(self) -> None:
        """Read on for a moment: closing on unread bytes sends a reset, which can overtake the refusal."""
        self.request.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + 1
        while (left := deadline - time.monotonic()) > 0:
            self.request.settimeout(left)
            if not self.request.recv(65536):
                return


Request = socket.socket | tuple[bytes, socket.socket]  # what socketserver declares


class Server(socketserver.ThreadingTCPServer):
    """A thread a connection. `open` has every accepted connection, `idle` those that wait for a request, longest first;
    both change by single dictionary operations only, which need no lock."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, app: App) -> None:
        self.app, self.stopping = app, False
        self.open: dict[Request, None] = {}
        self.idle: dict[socket.socket, None] = {}
        self.address_family = socket.AF_INET6 if ":" in app.settings.host else socket.AF_INET
        super().__init__((app.settings.host, app.settings.port), Connection)
        # Connections inherit these. The time-outs are the kernel's: Python's cost a poll() before each call, and so
        # a third of all requests/s.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", IDLE_SECONDS, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", REQUEST_SECONDS, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def process_request(self, request: Request, client_address: Any) -> None:
        if len(self.open) >= MAX_CONNECTIONS and (idle := tuple(self.idle)):
            self.idle.pop(idle[0], None)
            with contextlib.suppress(OSError):
                idle[0].shutdown(socket.SHUT_RDWR)
        self.open[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: Request) -> None:
        super().shutdown_request(request)
        self.open.pop(request, None)

    def busy(self) -> bool:
        """Whether a request is being read or answered, or waits unread on an idle connection."""
        idle, poll = tuple(self.idle), select.poll()
        for one in idle:
            if one.fileno() >= 0:
                poll.register(one, select.POLLIN)
        return len(self.open) > len(idle) or bool(poll.poll(0))

    def drain(self) -> None:
        """Take the accept queue, close the door, answer what is in flight: a door closed first resets who queued."""
        self.stopping = True
        self.app.change_fault(None)
        self.shutdown()
        self.socket.setblocking(False)
        with contextlib.suppress(OSError, RuntimeError):  # the queue is empty, or the machine can start no more threads
            while True:
                self.process_request(*self.get_request())
        self.server_close()
        deadline, quiet = time.monotonic() + self.app.settings.drain_seconds, 0
        while quiet < 5 and time.monotonic() < deadline:  # five looks: a request may just be between two states
            time.sleep(0.01)
            quiet = 0 if self.busy() else quiet + 1


def main() -> int:
    """Serve until SIGTERM or SIGINT, then drain; 2 is a wrong environment, 1 an address that cannot be taken."""
    try:
        settings = read_settings(os.environ)
    except ValueError as wrong:
        log(f"cannot start: {wrong}")
        return 2
    # Blocked here and in every later thread, then waited for: also works as PID 1, where the default is to ignore them.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends := {signal.SIGTERM, signal.SIGINT})
    try:
        server = Server(App(settings))
    except OSError as wrong:
        log(f"cannot listen on {settings.host} port {settings.port}: {wrong}")
        return 1
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    log(f"{settings.mode} {settings.version!r} serves on {settings.host} port {settings.port}")
    log(f"{signal.Signals(signal.sigwait(ends)).name}: no more connections, {len(server.open) - len(server.idle)} busy")
    server.drain()
    log(f"ends, {len(server.open) - len(server.idle)} busy")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Background load on the proxy, by a client that never asks twice.

Over asyncio's streams and not aiohttp, which sends a GET again when a kept connection dropped it: exactly what a test
of lost requests must see.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

from swiftdeploy.model.load import Answer, LoadReport, Outcome

REQUEST_SECONDS = 35.0  # longer than the proxy's own default time-out, so that its answer is seen
MAX_IN_FLIGHT = 512  # well under the usual limit of 1,024 open files
# Late by more than this, load goes on later instead of catching up in a burst.
BURST_SECONDS = 0.25
LOOK_SECONDS = 0.05
# The proxy's own error pages carry it (templates/nginx.conf.tmpl); a 503 of the app does not.
PROXY_ERROR_HEADER = "x-swiftdeploy-error"


class Garbage(Exception):
    """The answer is no HTTP."""


@dataclass(frozen=True)
class Response:
    """`headers` by lower-case name. `keeps`: the connection may be asked again."""

    status: int
    headers: dict[str, str]
    body: bytes
    keeps: bool


class Connection:
    """One HTTP/1.1 client connection. Sends each request once; never opens itself again."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        """Raises OSError."""
        return cls(*await asyncio.open_connection(host, port))

    @property
    def usable(self) -> bool:
        """False once the server's close has arrived."""
        return not (self._reader.at_eof() or self._reader.exception() or self._writer.is_closing())

    async def ask(self, method: str, target: str, host: str, body: bytes = b"", close: bool = False) -> Response:
        """One request and its whole answer. Raises OSError or asyncio.IncompleteReadError when the connection ends
        first, Garbage for an answer that is no HTTP."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "User-Agent: swiftdeploy-load", "Accept: */*"]
        lines += [f"Content-Length: {len(body)}"] if body or method == "POST" else []
        lines += ["Connection: close"] if close else []
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        await self._writer.drain()
        try:
            status, version, headers = await self._head()
            while status < 200:
                status, version, headers = await self._head()
            bounded = method == "HEAD" or status in (204, 304) or _says_length(headers)
            content = b"" if method == "HEAD" or status in (204, 304) else await self._body(headers)
        except (ValueError, LookupError, asyncio.LimitOverrunError) as wrong:
            raise Garbage(str(wrong)) from wrong
        asked_to_close = close or "close" in headers.get("connection", "").lower() or version != "HTTP/1.1"
        return Response(status, headers, content, keeps=bounded and not asked_to_close)

    def close(self) -> None:
        self._writer.close()

    async def _head(self) -> tuple[int, str, dict[str, str]]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        version, status = first.split(" ", 2)[:2]
        if not version.startswith("HTTP/1."):
            raise ValueError(f"{first[:40]!r} is no HTTP/1")
        pairs = (line.partition(":") for line in lines)
        return int(status), version, {name.strip().lower(): value.strip() for name, _, value in pairs}

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return await self._chunks()
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        return await self._reader.read()

    async def _chunks(self) -> bytes:
        parts = []
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        while await self._reader.readuntil(b"\r\n") != b"\r\n":  # trailers
            pass
        return b"".join(parts)


class Load:
    """`rps` requests a second to `base_url` + `path`, begun on time whether or not earlier ones have an answer.

    `keepalive`: requests go out on kept connections (the least recently used one that is free, a new one where none
    is), else each on a fresh one. `connections`: at most so many in flight, and requests wait for a free place.
    """

    def __init__(
        self,
        base_url: str,
        path: str,
        rps: float,
        connections: int | None = None,
        keepalive: bool = True,
        method: str = "GET",
        body: bytes = b"",
    ) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._named = f"{self._host}:{self._port}"
        self._path, self._rps, self._method, self._body = path, rps, method, body
        self._limit, self._keepalive = connections or MAX_IN_FLIGHT, keepalive
        self._idle: deque[Connection] = deque()
        self._sent = 0
        self._answers: list[Answer] = []
        self._stopping = threading.Event()
        self._grace_seconds = 0.0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self, grace_seconds: float = 5.0) -> LoadReport:
        """No more requests; wait for those under way up to `grace_seconds` (later ones are not in the report)."""
        self._grace_seconds = grace_seconds
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        return self.report()

    def report(self) -> LoadReport:
        """What has happened so far; from any thread."""
        return LoadReport(self._sent, tuple(self._answers))

    async def _run(self) -> None:
        under_way: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        while not self._stopping.is_set():
            left = due - time.monotonic()
            if left > 0 or len(under_way) >= self._limit:
                await asyncio.sleep(min(max(left, 0.001), LOOK_SECONDS))
                continue
            self._sent += 1
            task = asyncio.create_task(self._one())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due = max(due + 1 / self._rps, time.monotonic() - BURST_SECONDS)
        if under_way:
            await asyncio.wait(under_way, timeout=self._grace_seconds)
        for connection in self._idle:
            connection.close()

    async def _one(self) -> None:
        begun = time.monotonic()
        outcome, status = await self._outcome()
        self._answers.append(Answer(begun, time.monotonic() - begun, status, outcome))

    async def _outcome(self) -> tuple[Outcome, int]:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                connection = self._kept() or await Connection.open(self._host, self._port)
        except TimeoutError:
            return "timeout", 0
        except OSError:
            return "connect", 0
        with contextlib.ExitStack() as opened:
            opened.callback(connection.close)
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    answer = await connection.ask(
                        self._method, self._path, self._named, self._body, close=not self._keepalive
                    )
            except TimeoutError:
                return "timeout", 0
            except (OSError, asyncio.IncompleteReadError):
                return "reset", 0
            except Garbage:
                return "garbage", 0
            if answer.keeps:
                opened.pop_all()
                self._idle.append(connection)
        return _answered_by(answer), answer.status

    def _kept(self) -> Connection | None:
        """A kept connection that the server has not closed, as far as is known here; the others are let go."""
        while self._idle:
            connection = self._idle.popleft()
            if connection.usable:
                return connection
            connection.close()
        return None


def _says_length(headers: dict[str, str]) -> bool:
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


def _answered_by(answer: Response) -> Outcome:
    if answer.headers.get(PROXY_ERROR_HEADER) == "proxy" and answer.status in (502, 503, 504):
        return "proxy"
    return "canary" if answer.headers.get("x-mode") == "canary" else "stable"

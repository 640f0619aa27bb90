"""The load of the figures table: fresh, kept and idling connections at once, by a client that never asks twice.

Runs in a thread (`with Client(port) as client: ...`) or by itself: `python benchmarks/client.py PORT SECONDS`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from collections import Counter
from types import TracebackType

from swiftdeploy.edge.load import Connection, Garbage, Response

REQUEST_SECONDS = 40.0


class Client:
    """`rps` requests a second, half on fresh connections and half on `kept` ones, a share of them POST and a share
    slow (`slow_path`, None for none), and `idlers` connections that are silent for 2 to 6 s between POSTs.

    `ok`: 2xx answers; `failed`: kind of failure (`502`, `kept ConnectionResetError`) to number; `when`: (monotonic
    seconds, kind) of each failure; `tracks`: answers by X-Mode. A kept connection that the server closes between two
    requests is a failure too: the strictest client there is.
    """

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        rps: float = 200.0,
        kept: int = 32,
        idlers: int = 60,
        post_share: float = 0.3,
        slow_share: float = 0.03,
        slow_path: str | None = None,
        path: str = "/",
    ) -> None:
        self.ok = 0
        self.failed: Counter[str] = Counter()
        self.when: list[tuple[float, str]] = []
        self.tracks: Counter[str] = Counter()
        self._host, self._port, self._rps, self._kept, self._idlers = host, port, rps, kept, idlers
        self._post_share, self._slow_share, self._slow_path, self._path = post_share, slow_share, slow_path, path
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="client", daemon=True)

    @property
    def total(self) -> int:
        return self.ok + sum(self.failed.values())

    def __enter__(self) -> Client:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    async def _run(self) -> None:
        half = self._rps / 2
        gap = self._kept / half
        kept = [self._keep("kept", self._post_share, 0.5 * gap, 1.5 * gap) for _ in range(self._kept)]
        idlers = [self._keep("idle", 1.0, 2.0, 6.0) for _ in range(self._idlers)]
        await asyncio.gather(self._fresh(half), *kept, *idlers)

    async def _keep(self, kind: str, post_share: float, shortest: float, longest: float) -> None:
        """One kept connection, `shortest` to `longest` seconds between the begins of its requests."""
        connection: Connection | None = None
        await self._pause(random.uniform(0, longest))
        while not self._stopping.is_set():
            begun = time.monotonic()
            connection = await self._ask(kind, post_share, connection, close=False)
            await self._pause(random.uniform(shortest, longest) - (time.monotonic() - begun))
        if connection:
            connection.close()

    async def _fresh(self, rps: float) -> None:
        """A new connection for each request, begun on time whether or not earlier ones have an answer."""
        under_way: set[asyncio.Task[Connection | None]] = set()
        due = time.monotonic()
        while not self._stopping.is_set():
            task = asyncio.create_task(self._ask("fresh", self._post_share, None, close=True))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due += 1 / rps
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.gather(*under_way)

    async def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._stopping.is_set():
            await asyncio.sleep(min(left, 0.1))

    async def _ask(self, kind: str, post_share: float, connection: Connection | None, close: bool) -> Connection | None:
        """One request; the connection when it may be asked again."""
        method = "POST" if random.random() < post_share else "GET"
        slow = kind != "idle" and self._slow_path is not None and random.random() < self._slow_share
        target = self._slow_path if slow and self._slow_path else self._path
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                connection = connection or await Connection.open(self._host, self._port)
                body = b"x" * 100 if method == "POST" else b""
                answer = await connection.ask(method, target, f"{self._host}:{self._port}", body, close)
        except (OSError, asyncio.IncompleteReadError, Garbage) as lost:
            self._count(f"{kind} {type(lost).__name__}")
        else:
            self._note(answer)
            if answer.keeps:
                return connection
        if connection:
            connection.close()
        return None

    def _note(self, answer: Response) -> None:
        if 200 <= answer.status < 300:
            self.ok += 1
            self.tracks[answer.headers.get("x-mode", "stable")] += 1
        else:
            self._count(str(answer.status))

    def _count(self, kind: str) -> None:
        self.failed[kind] += 1
        self.when.append((time.monotonic(), kind))


def main(port: int, seconds: float) -> None:
    with Client(port) as client:
        time.sleep(seconds)
    told = {"ok": client.ok, "failed": client.failed, "tracks": client.tracks, "when": client.when[:20]}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))

"""Requests that the gate itself sends to an instance it judges.

Threads over http.client, not aiohttp: that takes 0.4 s to import, which every promote would pay. Each request has a
connection of its own, so that a server which closes idle connections is not taken for a failing one.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable

from swiftdeploy.model.errors import Interrupted
from swiftdeploy.model.figures import UNFINISHED, Tally

MAX_IN_FLIGHT = 32
TOTAL_SECONDS = 10.0
REQUEST_SECONDS = 5.0
# A probe that fell behind by more than this goes on later instead of catching up in a burst.
BURST_SECONDS = 0.05
LOOK_SECONDS = 0.02
HEADERS = {"User-Agent": "swiftdeploy-probe", "Accept": "*/*", "Connection": "close"}


class Probe:
    """Fulfils flow.world.Traffic. `stop` is asked some fifty times a second whether the user wants to end it."""

    def __init__(self, stop: Callable[[], bool] = lambda: False) -> None:
        self._stop = stop

    def probe(self, address: str, path: str, requests: int, rps: float) -> Tally:
        """Up to `requests` GETs at `rps` to `host:port` (or `host:port/prefix`), at most 32 in flight, within 10 s; no
        redirect is followed.

        Anything but 2xx and 3xx is an error; so is a request unfinished after 5 s, or when the 10 s are over, with its
        latency so far. Sends fewer where the target is too slow for them all. Raises Interrupted.
        """
        run = _Run(address, path, self._stop)
        try:
            run.send(requests, rps)
            run.wait_for_answers()
        finally:
            run.cut()
        return run.tally()


class _Run:
    """One probe under way."""

    def __init__(self, address: str, path: str, stop: Callable[[], bool]) -> None:
        self._address, slash, prefix = address.partition("/")
        self._asks, self._path, self._stop = f"{slash}{prefix}{path}", path, stop
        self._begun = time.monotonic()
        self._end = self._begun + TOTAL_SECONDS
        self._room = threading.Semaphore(MAX_IN_FLIGHT)
        self._asked: list[_Ask] = []
        self._open: list[_Ask] = []
        self._longest_seconds = 0.0

    def send(self, requests: int, rps: float) -> None:
        due = time.monotonic()
        for _ in range(requests):
            while (left := due - time.monotonic()) > 0:
                time.sleep(min(left, LOOK_SECONDS))
                self._look()
            while not self._room.acquire(timeout=LOOK_SECONDS):
                self._look()
            if self._too_late():
                return
            ask = _Ask(self._address, self._asks, self._room.release)
            self._asked.append(ask)
            self._open.append(ask)
            due = max(due + 1 / rps, time.monotonic() - BURST_SECONDS)

    def wait_for_answers(self) -> None:
        while self._open and time.monotonic() < self._end:
            self._open[0].thread.join(LOOK_SECONDS)
            self._look()

    def cut(self) -> None:
        """Give up what has no answer yet."""
        for one in self._open:
            one.end(UNFINISHED)

    def tally(self) -> Tally:
        statuses = Counter(one.outcome for one in self._asked)
        good = sum(count for outcome, count in statuses.items() if outcome[:1] in ("2", "3"))
        return Tally(
            requests=len(self._asked),
            errors=len(self._asked) - good,
            latencies_ms=tuple(one.seconds * 1000 for one in self._asked),
            statuses=dict(statuses),
            seconds=time.monotonic() - self._begun,
            path=self._path,
        )

    def _too_late(self) -> bool:
        # Whoever is asked now must have the time that others needed, or the end would turn slow answers into errors.
        self._look()
        return time.monotonic() + min(REQUEST_SECONDS, 1.2 * self._longest_seconds + 0.1) > self._end

    def _look(self) -> None:
        """Note who has answered, give up who takes too long. Raises Interrupted."""
        if self._stop():
            raise Interrupted("stopped while the gate was measuring; what was begun was undone")
        for one in self._open:
            self._longest_seconds = max(self._longest_seconds, one.seconds)
            if one.seconds >= REQUEST_SECONDS:
                one.end(UNFINISHED)
        self._open = [one for one in self._open if not one.outcome]


class _Ask:
    """One GET in a thread of its own. `outcome` is its status, `timeout` or `connection`, and empty until then."""

    def __init__(self, address: str, path: str, ended: Callable[[], None]) -> None:
        self.outcome = ""
        self.thread = threading.Thread(target=self._run, args=(address, path), daemon=True)
        self._ended = ended
        self._ending = threading.Lock()
        self._socket: socket.socket | None = None
        self._begun = time.monotonic()
        self._seconds = 0.0
        self.thread.start()

    @property
    def seconds(self) -> float:
        """Its latency, or how long it has been under way."""
        return self._seconds if self.outcome else time.monotonic() - self._begun

    def end(self, outcome: str) -> None:
        """Only the first outcome counts."""
        with self._ending:
            if self.outcome:
                return
            self._seconds = time.monotonic() - self._begun
            self.outcome = outcome
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread when it still reads
        self._ended()

    def _run(self, address: str, path: str) -> None:
        try:
            self.end(str(self._status(address, path)))
        except TimeoutError:
            self.end(UNFINISHED)
        except (OSError, http.client.HTTPException, ValueError):
            self.end("connection")

    def _status(self, address: str, path: str) -> int:
        with contextlib.closing(http.client.HTTPConnection(address, timeout=REQUEST_SECONDS)) as connection:
            connection.connect()
            self._socket = connection.sock
            connection.request("GET", path, headers=HEADERS)
            with connection.getresponse() as answer:
                while answer.read(65536):
                    pass
                if answer.length:  # read(amount) does not mind an early end
                    raise http.client.IncompleteRead(b"", answer.length)
                return answer.status

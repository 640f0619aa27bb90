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
from collections.abc import Callable, Iterator, Sequence

from swiftdeploy.model import untimed
from swiftdeploy.model.errors import Interrupted
from swiftdeploy.model.figures import UNCONNECTED, UNFINISHED, Answer, Tally
from swiftdeploy.model.pace import Pace, Trip

TOTAL_SECONDS = 10.0
REQUEST_SECONDS = 5.0
# A probe that fell behind by more than this goes on later instead of catching up in a burst.
BURST_SECONDS = 0.05
LOOK_SECONDS = 0.02
WATCH_SECONDS = 0.25
HEADERS = {"User-Agent": "swiftdeploy-probe", "Accept": "*/*", "Connection": "close"}


def never(so_far: Sequence[Tally]) -> bool:
    """For a probe that nobody watches."""
    return False


class Probe:
    """Fulfils flow.world.Traffic. `stop` is asked some fifty times a second whether the user wants to end it."""

    def __init__(self, stop: Callable[[], bool] = lambda: False) -> None:
        self._stop = stop

    def probe(
        self,
        address: str,
        paths: Sequence[str],
        requests: int,
        rps: float,
        *,
        enough: int = 0,
        longest_seconds: float = TOTAL_SECONDS,
        watch: Callable[[Sequence[Tally]], bool] = never,
    ) -> tuple[Tally, ...]:
        """Up to `requests` GETs in all to `host:port` (or `host:port/prefix`), spread evenly over the paths; a tally
        a path. At most `rps` and 32 in flight, as far as model.pace finds that the app can take it; no redirect is
        followed.

        Anything but 2xx and 3xx is an error; so is a request unfinished after 5 s, or at the end, with its latency so
        far. It ends when all are sent, after 10 s when there are `enough` answers, after `longest_seconds` in any
        case, and at once when `watch`, asked four times a second with the tallies so far, says so: then what is open
        is no request of any tally. Raises Interrupted, and what `watch` raises.
        """
        run = _Run(address, paths, Pace(rps, time.monotonic()), self._stop, watch)
        try:
            run.send(requests, enough, longest_seconds)
            run.wait_for_answers()
        finally:
            run.cut()
        return run.tallies()

    def ask(self, address: str, path: str) -> Answer:
        """One GET, no redirect followed. Raises OSError when there is no whole answer within 5 s, and Interrupted."""
        news = threading.Event()
        one = _Ask(address, path, news)
        while not one.outcome:
            news.wait(LOOK_SECONDS)
            if self._stop():
                one.end(UNFINISHED)
                raise Interrupted("stopped while a page was asked for")
            one.end_in_time()
        if not one.outcome.isdigit():
            raise OSError("no answer in 5 s" if one.outcome == UNFINISHED else "the connection was refused or broke")
        return Answer(int(one.outcome), one.streams, one.seconds)


class _Run:
    """One probe under way."""

    def __init__(
        self,
        address: str,
        paths: Sequence[str],
        pace: Pace,
        stop: Callable[[], bool],
        watch: Callable[[Sequence[Tally]], bool],
    ) -> None:
        self._address, self._paths = address, paths
        self._pace, self._stop, self._watch = pace, stop, watch
        self._news = threading.Event()
        self._begun = self._end = self._watched = time.monotonic()
        self._open: list[_Ask] = []
        self._ended: list[_Ask] = []
        self._trips: dict[_Ask, Trip] = {}
        self._dropped: list[_Ask] = []
        self._unwanted = False
        self._longest_seconds = 0.0

    def send(self, requests: int, enough: int, longest_seconds: float) -> None:
        self._end = self._begun + longest_seconds
        due = time.monotonic()
        for number in range(requests):
            while (left := due - time.monotonic()) > 0 or len(self._open) >= self._pace.window:
                self._news.wait(min(left, LOOK_SECONDS) if left > 0 else LOOK_SECONDS)
                self._look()
                if self._is_over(enough):
                    return
            self._send(self._paths[number % len(self._paths)])
            due = max(due + 1 / self._pace.rate, time.monotonic() - BURST_SECONDS)
            self._look()
            if self._is_over(enough):
                return

    def wait_for_answers(self) -> None:
        while self._open and time.monotonic() < self._end and not self._unwanted:
            self._news.wait(LOOK_SECONDS)
            self._look()

    def cut(self) -> None:
        """Give up what has no answer yet."""
        for one in self._open:
            one.end(UNFINISHED)
        (self._dropped if self._unwanted else self._ended).extend(self._open)
        self._open = []

    def tallies(self) -> tuple[Tally, ...]:
        return tuple(map(self._tally, self._paths))

    def _tally(self, path: str) -> Tally:
        mine = [one for one in self._ended if one.path == path]
        statuses = Counter(one.outcome for one in mine)
        return Tally(
            requests=len(mine),
            errors=sum(not one.is_good for one in mine),
            latencies_ms=tuple(one.seconds * 1000 for one in mine),
            statuses=dict(statuses),
            seconds=time.monotonic() - self._begun,
            path=path,
            timed_ms=tuple(one.seconds * 1000 for one in self._timed(mine)),
            slowed=self._pace.slowed,
            streams=sum(one.streams for one in mine),
            dropped=sum(one.path == path for one in self._dropped),
        )

    def _timed(self, asks: Sequence[_Ask]) -> Iterator[_Ask]:
        for one in asks:
            if one.outcome == UNFINISHED or not (one.streams or self._pace.own_doing(self._trips[one])):
                yield one

    def _send(self, path: str) -> None:
        one = _Ask(self._address, path, self._news)
        self._trips[one] = self._pace.sent(path, one.begun)
        self._open.append(one)

    def _is_over(self, enough: int) -> bool:
        now = time.monotonic()
        if self._unwanted or (now >= self._begun + TOTAL_SECONDS and len(self._ended) >= enough):
            return True
        # Whoever is asked now must have the time that others needed, or the end would turn slow answers into errors.
        return now + min(REQUEST_SECONDS, 1.2 * self._longest_seconds + 0.1) > self._end

    def _look(self) -> None:
        """Note who has answered, give up who takes too long. Raises Interrupted."""
        if self._stop():
            raise Interrupted("stopped while the gate was measuring; what was begun was undone")
        self._news.clear()
        for one in self._open:
            one.end_in_time()
            self._longest_seconds = max(self._longest_seconds, one.seconds)
        ended = [one for one in self._open if one.outcome]
        self._open = [one for one in self._open if one not in ended]
        for one in sorted(ended, key=lambda one: one.begun + one.seconds):
            self._pace.ended(self._trips[one], one.seconds, one.is_good, one.outcome != UNFINISHED)
        self._ended += ended
        if time.monotonic() >= self._watched + WATCH_SECONDS:
            self._watched = time.monotonic()
            self._unwanted = self._watch(self.tallies())


class _Ask:
    """One GET in a thread of its own. `outcome` is its status, `timeout` or `connection`, and empty until then."""

    def __init__(self, address: str, path: str, ended: threading.Event) -> None:
        self.path, self.outcome, self.streams = path, "", False
        self.begun = time.monotonic()
        self._ended = ended
        self._ending = threading.Lock()
        self._socket: socket.socket | None = None
        self._seconds = 0.0
        host, slash, prefix = address.partition("/")
        threading.Thread(target=self._run, args=(host, f"{slash}{prefix}{path}"), daemon=True).start()

    @property
    def seconds(self) -> float:
        """Its latency, or how long it has been under way."""
        return self._seconds if self.outcome else time.monotonic() - self.begun

    @property
    def is_good(self) -> bool:
        return self.outcome[:1] in ("2", "3") or self.outcome == str(untimed.SWITCHING)

    def end(self, outcome: str) -> None:
        """Only the first outcome counts."""
        with self._ending:
            if self.outcome:
                return
            self._seconds = time.monotonic() - self.begun
            self.outcome = outcome
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread when it still reads
        self._ended.set()

    def end_in_time(self) -> None:
        if self.seconds >= REQUEST_SECONDS:
            self.end(UNFINISHED)

    def _run(self, host: str, path: str) -> None:
        try:
            self.end(str(self._status(host, path)))
        except TimeoutError:
            self.end(UNFINISHED)
        except (OSError, http.client.HTTPException, ValueError):
            self.end(UNCONNECTED)

    def _status(self, host: str, path: str) -> int:
        with contextlib.closing(http.client.HTTPConnection(host, timeout=REQUEST_SECONDS)) as connection:
            connection.connect()
            self._socket = connection.sock
            connection.request("GET", path, headers=HEADERS)
            with connection.getresponse() as answer:
                self.streams = untimed.streams(answer.status, answer.getheader("Content-Type", ""))
                while not self.streams and answer.read(65536):
                    pass
                if answer.length and not self.streams:  # read(amount) does not mind an early end
                    raise http.client.IncompleteRead(b"", answer.length)
                return answer.status

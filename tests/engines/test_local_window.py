"""What the real proxy's log tells of a canary: what its clients met, and what they were only just spared."""

from __future__ import annotations

import http.client
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.engines.local import proxy
from swiftdeploy.machine import ask
from swiftdeploy.model import proxylog
from swiftdeploy.model.figures import Figures
from swiftdeploy.model.metrics import ignored_paths

SLOW_APP = Path(__file__).parents[2] / "benchmarks" / "app_slow.py"
IGNORED = ignored_paths("/healthz", "/metrics")


class Window:
    """The proxy's log of a stack from now on."""

    def __init__(self, stack: Any) -> None:
        self._stack = stack
        self.since = float(ask.get(f"127.0.0.1:{stack.admin_port}", "/clock", 1.0)[1])

    def requests(self, least: int = 0) -> tuple[proxylog.Request, ...]:
        """nginx writes a line just after the answer is gone: wait for so many."""
        ends = time.monotonic() + 5
        while True:
            found = proxylog.requests(self._stack.engine.proxy_log(self.since), self.since)
            if len(found) >= least or time.monotonic() > ends:
                return found
            time.sleep(0.01)

    def of(self, id: str, least: int = 0) -> Figures:
        return proxylog.figures(self.requests(least), id, IGNORED, "stable-1")


@contextmanager
def asking(stack: Any, path: str = "/", clients: int = 4) -> Iterator[Counter[int]]:
    """Clients that ask on fresh connections until the block ends: statuses (0: no answer) to their number."""
    seen: Counter[int] = Counter()
    lock, stop = threading.Lock(), threading.Event()

    def client() -> None:
        while not stop.wait(0.005):
            try:
                status = stack.get(path)[0]
            except OSError:
                status = 0
            with lock:
                seen[status] += 1

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for one in threads:
        one.start()
    yield seen
    stop.set()
    for one in threads:
        one.join(10)


def both(stack: Any, weight: int = 50) -> tuple[Any, Any]:
    stable = stack.deploy()
    canary = stack.new("canary")
    stack.route(weight, stable, canary)
    return stable, canary


def test_a_canary_that_died_under_traffic_does_not_hide_behind_stable(make_stack: Callable[..., Any]) -> None:
    stack = make_stack(services={"restart_policy": "no"})
    stable, canary = both(stack)
    window = Window(stack)
    with asking(stack) as seen:
        time.sleep(0.5)
        stack.engine.kill(canary.id)
        time.sleep(1.0)
    assert set(seen) == {200}, "every client was served"
    figures = window.of(canary.id, seen.total())
    assert figures.errors >= 20
    assert figures.errors < figures.samples < seen.total()
    assert window.of(stable.id).errors == 0
    assert window.of(stable.id).samples + figures.samples == seen.total()


def test_an_app_that_hangs_is_a_504_of_its_track(make_stack: Callable[..., Any]) -> None:
    stack = make_stack(services={"command": ["{python}", "-S", "app_slow.py"]}, nginx={"proxy_timeout": "500ms"})
    shutil.copy(SLOW_APP, stack.root)
    stable, canary = both(stack, 100)
    window = Window(stack)
    assert [stack.get("/?s=1.5")[0] for _ in range(2)] == [504, 504]
    assert stack.get("/")[0] == 200
    figures = window.of(canary.id, 3)
    assert (figures.samples, figures.errors) == (3, 2)
    assert figures.p99_latency_ms is not None
    assert 490 <= figures.p99_latency_ms < 1500
    assert window.of(stable.id) == Figures()


def test_the_last_requests_of_a_canary_that_was_replaced_are_none_of_its_successors(slow: Any) -> None:
    stable, first = both(slow, 100)
    client = http.client.HTTPConnection("127.0.0.1", slow.port, 10)
    assert ask_on(client) == (200, first.id)
    second = slow.new("canary")
    slow.route(100, stable, second)
    window = Window(slow)
    slow.drop(first.id)
    assert ask_on(client) in ((200, second.id), (200, stable.id)), "the old worker hands it over"
    assert slow.get("/") == (200, second.id)
    client.close()
    assert window.of(second.id, 2) == Figures(1, 0, 0.0, window.of(second.id).p99_latency_ms)
    assert window.of(first.id).errors == 1


def ask_on(client: http.client.HTTPConnection) -> tuple[int, str]:
    client.request("POST", "/", b"x")
    answer = client.getresponse()
    return answer.status, answer.read().decode()


def test_nothing_of_a_window_is_lost_while_the_log_is_moved_aside(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stable, canary = both(stack)
    logs = stack.places.logs
    with asking(stack):
        time.sleep(0.5)
    monkeypatch.setattr(proxy, "LOG_BYTES", 2000)
    window = Window(stack)
    with asking(stack) as seen:
        for _ in range(20):
            window.requests()
            time.sleep(0.05)
    found = window.requests(seen.total())
    assert len(found) == seen.total() == seen[200]
    assert (logs / "window.log.1").stat().st_size > 2000
    assert {one.instance for one in found} == {stable.id, canary.id}
    Window(stack).requests()
    assert (logs / "window.log").stat().st_size <= 2000, "the next window moves it again"
    assert stack.get()[0] == 200


def test_a_switch_moves_the_log_aside_and_ends_the_window_of_nobody(
    stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "LOG_BYTES", 500)
    stable, canary = both(stack)
    window = Window(stack)
    with asking(stack, clients=2) as seen:
        time.sleep(0.3)
        stack.route(80, stable, canary)
        time.sleep(0.3)
    assert set(seen) == {200}
    assert len(window.requests(seen.total())) == seen.total()


def test_without_a_proxy_there_are_no_lines(stack: Any) -> None:
    assert stack.engine.proxy_log(0.0) == ()

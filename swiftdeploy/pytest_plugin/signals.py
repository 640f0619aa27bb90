"""SIGTERM (a cancelled CI job) as KeyboardInterrupt while scenarios run, so that their stacks are torn down."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from swiftdeploy.pytest_plugin import collect
from swiftdeploy.pytest_plugin.item import ScenarioItem

LOOK_SECONDS = 0.25


class Termination:
    """Only where scenarios are collected, and only where nobody else handles SIGTERM."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._mapped = False

    def pytest_sessionstart(self) -> None:
        # a controller of xdist collects nothing itself, and ends its workers when it is interrupted
        if getattr(self._config.option, "numprocesses", None) and collect.projects_of(self._config):
            self._map()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if any(isinstance(item, ScenarioItem) for item in session.items):
            self._map()
            if hasattr(self._config, "workerinput"):
                threading.Thread(target=_end_with, args=(os.getppid(),), name="orphan", daemon=True).start()

    def pytest_unconfigure(self) -> None:
        if self._mapped:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _map(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _interrupt)
            self._mapped = True


def _end_with(controller: int) -> None:
    """A worker of xdist goes on for 5 s when its controller was killed, and its stack with it."""
    while os.getppid() == controller:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt("SIGTERM")


@contextmanager
def shielded() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the body is done: a second Ctrl-C must not cut a teardown short."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _frame: waiting.append(number)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    if waiting:
        raise KeyboardInterrupt(signal.Signals(waiting[0]).name)

"""Named phases: a listener per use (timings, progress, failpoint), none known to a verb."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

from swiftdeploy.flow.world import PhaseName

Edge = Literal["before", "after"]
Listener = Callable[[PhaseName, Edge], None]
NEVER_INTERRUPTED: frozenset[PhaseName] = frozenset(("record-commit", "write", "drain", "stop-old", "undo"))


def phases(*listeners: Listener) -> Callable[[PhaseName], AbstractContextManager[None]]:
    """A phase tells each listener when it is entered and, unless it raised, when it is left."""

    @contextmanager
    def phase(name: PhaseName) -> Iterator[None]:
        for hear in listeners:
            hear(name, "before")
        yield
        for hear in listeners:
            hear(name, "after")

    return phase


def stop_if_wanted(check: Callable[[], None], defer: Callable[[bool], None]) -> Listener:
    """Before the commit a phase may be refused by Ctrl-C; from the commit on nothing is."""

    def hear(name: PhaseName, edge: Edge) -> None:
        if edge == "before":
            defer(name in NEVER_INTERRUPTED)
            check()

    return hear


def kill_at(point: str) -> Listener:
    """A failpoint such as `switch:after`: this process dies there, as by a power cut. For tests only."""

    def hear(name: PhaseName, edge: Edge) -> None:
        if f"{name}:{edge}" == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return hear


class Timings:
    """Seconds from the start of this object to the end of each phase, for `--timings` and benchmarks."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.ends: dict[PhaseName, float] = {}
        self.spent: dict[PhaseName, float] = {}
        self._entered = self._start

    def hear(self, name: PhaseName, edge: Edge) -> None:
        now = time.monotonic()
        if edge == "before":
            self._entered = now
            return
        self.ends[name] = now - self._start
        self.spent[name] = self.spent.get(name, 0.0) + now - self._entered

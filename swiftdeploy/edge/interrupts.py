"""SIGINT, SIGTERM and SIGHUP set a flag; only safe points look at it."""

from __future__ import annotations

import signal
from types import FrameType

from swiftdeploy.model import errors

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """`wanted` names the signal that asked to stop. While `deferred` (from a commit on) nobody is told."""

    def __init__(self) -> None:
        self.wanted: str = ""
        self.deferred = False

    def listen(self) -> None:
        """Take over the signals of this process (the command line does; a library user keeps their own)."""
        for number in SIGNALS:
            signal.signal(number, self._note)

    def check(self) -> None:
        """Raise Interrupted when someone asked to stop and it is safe here."""
        if self.wanted and not self.deferred:
            raise errors.Interrupted(f"stopped by {self.wanted}; what was begun was undone")

    def pending(self) -> bool:
        return bool(self.wanted) and not self.deferred

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.wanted = signal.Signals(number).name

"""Time that passes, and waiting that can be interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

SLICE_SECONDS = 0.1  # how long a Ctrl-C may go unnoticed in a long sleep


class Clock:
    """`check` raises when the user wants to stop and may."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def now(self) -> float:
        return time.monotonic()

    def timestamp(self) -> str:
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self._check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_SECONDS))
            self._check()

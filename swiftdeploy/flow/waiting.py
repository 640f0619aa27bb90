"""Wait until nothing is missing, and say what was."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swiftdeploy.flow.world import Clock


def until(missing: Callable[[], str | None], clock: Clock, seconds: float, every: float = 0.01) -> str | None:
    """Ask `missing` every `every` seconds until it answers None; its last answer once `seconds` are over.

    It is asked at least once, and once more after the last sleep. Raises Interrupted when the clock does.
    """
    end = clock.now() + seconds
    while (left := missing()) is not None and clock.now() < end:
        clock.sleep(max(0.0, min(every, end - clock.now())))
    return left

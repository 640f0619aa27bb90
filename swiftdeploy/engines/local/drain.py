"""When an instance that gets no new traffic may be stopped without losing a request."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from swiftdeploy.engines.local import programs, workers
from swiftdeploy.engines.local.places import Places
from swiftdeploy.engines.local.programs import Program
from swiftdeploy.machine import ask

# Old workers keep idle connections to the app for 1 s (upstream keepalive_timeout). A POST on one that the app is
# just closing would be lost, so let them close first.
SETTLE_SECONDS = 1.3
ZEROS = 3  # in a row: between a worker's accept and the app's count a request is invisible
GAUGE = re.compile(r"^app_requests_in_flight(?:\{[^}]*\})?\s+([0-9.eE+-]+)", re.MULTILINE)


class Drain:
    """Remembers between questions since when it was asked, and how often in a row each instance was idle."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._since: float | None = None
        self._zeros: dict[str, int] = {}

    def begin(self) -> None:
        """New routes: whatever was seen before no longer counts."""
        self._since = None
        self._zeros.clear()

    def busy(self, ids: Sequence[str]) -> str | None:
        """None when none of the instances can have a request in flight; else what is waited for."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        waited = now - self._since
        if waited < SETTLE_SECONDS and ids:
            return f"old connections have {SETTLE_SECONDS - waited:.1f} s to close"
        found = (self._one(name, waited) for name in ids)
        return "; ".join(one for one in found if one) or None

    def _one(self, name: str, waited: float) -> str | None:
        program = programs.read(name, self._places)
        if program is None or waited >= program.drain_timeout_seconds:
            return None
        try:
            count = _in_flight(program)
        except ConnectionRefusedError:
            return None  # it is dead
        except OSError as error:
            return None if self._is_stuck(name, program.port) else f"{name} does not answer ({error})"
        if count is None:
            return self._old_workers(name)
        self._zeros[name] = 0 if count else self._zeros.get(name, 0) + 1
        if count:
            return f"{name} has {count:g} requests in flight"
        return None if self._zeros[name] >= ZEROS else f"{name} has just become idle"

    def _is_stuck(self, name: str, port: int) -> bool:
        """Whether waiting for one that does not answer is in vain: it was suspended, or nobody waits for an answer."""
        from swiftdeploy.engines.local import processes

        return processes.is_suspended(self._places, name) or processes.clients(port) == 0

    def _old_workers(self, name: str) -> str | None:
        """An app that does not say what it has in flight: whoever could have sent something must be gone."""
        master = workers.master(self._places)
        left = len(workers.children(master) - workers.accepting(master)) if master else 0
        return f"{name} may serve clients of {left} old proxy workers" if left else None


def _in_flight(program: Program) -> float | None:
    """Requests in flight by the app's own gauge, this one not counted; None when it has no such gauge."""
    status, text = ask.get(f"127.0.0.1:{program.port}", program.metrics_path, 1.0)
    found = GAUGE.findall(text) if status == 200 else []
    try:
        return sum(map(float, found)) if found else None
    except ValueError:
        return None

"""When an instance that gets no new traffic may be stopped without losing a request."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from swiftdeploy.engines.docker import containers, workers
from swiftdeploy.engines.docker.containers import Container, Containers

# Docker gives the address of a stopped container to the next one at once, so an old worker of the proxy could reach a
# release that nobody has judged: old workers go first. They go when their last client has asked once more or idled for
# keepalive_min_timeout (nginx.conf).
IDLE_CLIENT_SECONDS = 10.0
LOOK_SECONDS = 0.1


class Drain:
    """Remembers between questions since when it was asked."""

    def __init__(self, seen: Containers) -> None:
        self._seen = seen
        self._since: float | None = None
        self._looked = 0.0
        self._left: str | None = None

    def begin(self) -> None:
        """New routes: whatever was seen before no longer counts."""
        self._since = None
        self._looked = 0.0

    def busy(self, ids: Sequence[str]) -> str | None:
        """None when none of the instances can have a request in flight; else what is waited for."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._looked >= LOOK_SECONDS:  # a look is two calls of docker
            self._left, self._looked = self._look(ids, now - self._since), time.monotonic()
        return self._left

    def _look(self, ids: Sequence[str], waited: float) -> str | None:
        found = self._seen.all()
        wait_for = [
            one for one in found if one.instance in ids and one.state == "running" and waited < one.drain_seconds
        ]
        proxy = containers.part(containers.PROXY, found)
        if not wait_for or proxy is None or proxy.state != "running":
            return None
        left = finishing(proxy, waited)
        names = ", ".join(one.instance for one in wait_for)
        return f"{names} may serve clients of {left} old proxy workers" if left else None


def finishing(proxy: Container, waited: float) -> int:
    """How many old workers may still send something; where they cannot be seen, one until the longest idle time of
    their clients is over."""
    found = workers.seen(proxy.id)
    if found is None:
        return 1 if waited < IDLE_CLIENT_SECONDS else 0
    return len(found.finishing)


def settled(proxy: Container, seconds: float, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Wait until no old worker is left, up to `seconds`."""
    began = time.monotonic()
    while finishing(proxy, waited := time.monotonic() - began):
        if waited > seconds:
            return False
        sleep(LOOK_SECONDS)
    return True

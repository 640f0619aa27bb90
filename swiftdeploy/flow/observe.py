"""Measure a running instance: scrape it, probe it, read the proxy's log, and make of all what the canary gate sees."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from swiftdeploy.model import metrics, proxylog
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.figures import Figures, Tally, Window, together
from swiftdeploy.model.metrics import Own
from swiftdeploy.model.scrape import Scrape, parse_scrape
from swiftdeploy.model.state import Instance, MetricNames, Release, State

if TYPE_CHECKING:
    from swiftdeploy.flow.world import World

SCRAPE_TIMEOUT_SECONDS = 2.0
# Between two looks whether enough users have come: a scrape costs the app some milliseconds.
LOOK_SECONDS = 0.25
ENOUGH_SAMPLES = 100
DISORDER_SECONDS = 1.0


def scrape(instance: Instance, world: World) -> Scrape | None:
    """One reading of the instance's own metrics page; None when it does not answer or has no such page."""
    found = read(instance, world, instance.release.metrics)
    return found if isinstance(found, Scrape) else None


def uncounted(instance: Instance, world: World, names: MetricNames | None) -> str | None:
    """Why the app's own count of its users cannot be had: what its metrics page has and what is needed. None where it
    can. `names` as `services.metrics` has them."""
    found = read(instance, world, names)
    if isinstance(found, Scrape) and found.usable:
        return (
            f"{instance.id}'s metrics page has {found.lacking}, which services.metrics names" if found.lacking else None
        )
    if isinstance(found, Scrape):
        return f"users of {instance.id} cannot be counted by its metrics page: {found.found}"
    return f"{found}; the gate has its probe and the proxy's log alone"


def read(instance: Instance, world: World, names: MetricNames | None) -> Scrape | str:
    """As `scrape`; in words what its metrics page does where there is nothing to read."""
    path = instance.release.metrics_path
    try:
        address = world.engine.address(instance)
        status, text = world.web.get(f"http://{address}{path}", SCRAPE_TIMEOUT_SECONDS)
    except (OSError, EnvironmentMissing):
        return f"{instance.id} does not answer at its metrics page"
    if status != 200:
        return f"{instance.id} answers {status} at its metrics page {path}"
    found = parse_scrape(text, world.clock.now(), names)
    return found or f"what {instance.id} answers at {path} is no Prometheus text"


def own(scrapes: int, seconds: float, world: World) -> Own:
    """Our own requests to an instance between two scrapes that lie so many `seconds` apart, when the app was scraped
    so many times, the first of the two included and the second one not."""
    polls = int(seconds // metrics.CONTAINER_HEALTH_SECONDS) + 1 if world.engine.name == "docker" else 0
    return Own(scrapes, polls)


def track_window(
    first: Scrape | None, second: Scrape | None, release: Release, own: Own = metrics.ONLY_THE_FIRST
) -> Window:
    """What users of one instance saw between two scrapes, with no probe of ours among them, less our `own` polls."""
    return page_window(first, second, release, own)


def page_window(
    first: Scrape | None, second: Scrape | None, release: Release, own: Own, tallies: Sequence[Tally] = ()
) -> Window:
    """The same of an instance that was probed: less the probe's requests, whose figures stand beside."""
    asked = [one for one in tallies if one.requests]
    return metrics.window(first, second, together(asked) if asked else None, _ignored(release), own)


def serving_window(
    instance: Instance,
    first: Scrape | None,
    second: Scrape | None,
    serving: State,
    world: World,
    own: Own = metrics.ONLY_THE_FIRST,
    excluded: Collection[str] = (),
) -> Window:
    """As `track_window`, and what the proxy logged of the instance in the same last seconds, while it keeps a log.
    Requests to the `excluded` paths do not count for p99."""
    seen = track_window(first, second, instance.release, own)
    logged = log(serving, world, seen.seconds, excluded) if seen.seconds and serving.canary else None
    if logged is None:
        return seen
    logged.read()
    return with_log(seen, instance, logged)


def with_log(seen: Window, instance: Instance, logged: Log) -> Window:
    """A window and what the proxy logged of the instance in it. An app's page cannot have more failed users than the
    proxy, which sees all of them. Its histogram has streams among the rest, so its p99 gives way to the proxy's as soon
    as something is not to count."""
    proxy = logged.of(instance)
    users = metrics.at_most_failed(seen.users, proxy.errors) if logged.tells_anything else seen.users
    return replace(seen, users=users.without_p99() if logged.leaves_out else users, proxy=proxy)


class Log:
    """The proxy's log of a window, as far as it was read."""

    def __init__(self, since: float, serving: State, world: World, excluded: Collection[str]) -> None:
        self._since, self._serving, self._world, self._excluded = since, serving, world, excluded
        self._found: tuple[proxylog.Request, ...] = ()

    def read(self) -> None:
        """Take in what is new, and the last second again: workers write without waiting for each other."""
        since = max((one.at - DISORDER_SECONDS for one in self._found), default=self._since)
        since = max(since, self._since)
        known = tuple(one for one in self._found if one.at < since)
        self._found = known + proxylog.requests(self._world.engine.proxy_log(since), since)

    @property
    def tells_anything(self) -> bool:
        """Whether a request of anybody was read: an empty log may be one that cannot be read."""
        return bool(self._found)

    def of(self, instance: Instance) -> Figures:
        """What clients of one instance met."""
        stable = self._serving.stable
        name = stable.id if stable else None
        return proxylog.figures(self._found, instance.id, _ignored(instance.release), name, self._excluded)

    @property
    def leaves_out(self) -> bool:
        """Whether some requests do not count for p99: answers that streamed, or paths that are excluded."""
        return bool(self._excluded) or any(one.streams for one in self._found)


def log(serving: State, world: World, last_seconds: float = 0.0, excluded: Collection[str] = ()) -> Log | None:
    """The proxy's log from now on and of the `last_seconds`, by the proxy's own clock: a container's may be another
    than this machine's. Requests to the `excluded` paths do not count for p99. None when the proxy does not tell the
    time, as one from an older template does not."""
    if serving.settings is None:
        return None
    try:
        url = f"http://127.0.0.1:{serving.settings.admin_port}/clock"
        status, text = world.web.get(url, SCRAPE_TIMEOUT_SECONDS)
        now = float(text)
    except (OSError, ValueError):
        return None
    return Log(now - last_seconds, serving, world, excluded) if status == 200 and math.isfinite(now) else None


def _ignored(release: Release) -> frozenset[str]:
    return metrics.ignored_paths(release.health_path, release.metrics_path)

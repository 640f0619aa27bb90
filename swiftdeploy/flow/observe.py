"""Measure a running instance: scrape it, probe it, read the proxy's log, and make of all what the canary gate sees."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from swiftdeploy.flow.waiting import until
from swiftdeploy.model import evidence, metrics, proxylog
from swiftdeploy.model.decision import Json
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.figures import Figures, Tally, Window
from swiftdeploy.model.metrics import Own
from swiftdeploy.model.scrape import Scrape, parse_scrape
from swiftdeploy.model.state import Instance, MetricNames, Release, State

if TYPE_CHECKING:
    from swiftdeploy.flow.world import World
    from swiftdeploy.model.manifest import Manifest

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
    if isinstance(found, Scrape):
        return None if found.usable else f"users of {instance.id} cannot be counted by its metrics page: {found.found}"
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
    return metrics.window(first, second, None, _ignored(release), own)


def serving_window(
    instance: Instance,
    first: Scrape | None,
    second: Scrape | None,
    serving: State,
    world: World,
    own: Own = metrics.ONLY_THE_FIRST,
) -> Window:
    """As `track_window`, and what the proxy logged of the instance in the same last seconds, while it keeps a log."""
    seen = track_window(first, second, instance.release, own)
    log = _log(serving, world, seen.seconds) if seen.seconds and serving.canary else None
    if log is None:
        return seen
    log.read()
    return replace(seen, proxy=log.of(instance))


def judged(
    instance: Instance, manifest: Manifest, world: World, serving: State, enough: int = ENOUGH_SAMPLES
) -> dict[str, Json]:
    """The input of the canary gate for `instance`: scrape, probe, wait for evidence, scrape and read the proxy's log.

    It ends as soon as there are `enough` samples, and after `canary.window` without them. `serving` is what has
    traffic: its stable instance, measured over the same window, is there to compare, and the proxy knows something of
    `instance` when it is in it. Raises Interrupted, and EnvironmentMissing when the instance has no address.
    """
    begun = world.clock.now()
    end = begun + manifest.canary.window_seconds
    log = _log(serving, world) if instance in serving.instances else None
    stable = serving.stable
    first, stable_first = scrape(instance, world), scrape(stable, world) if stable else None
    seen = _Seen(first, _probe(instance, manifest, world), log, instance, world)
    if first is not None or log is not None:
        until(lambda: seen.missing(enough), world.clock, end - world.clock.now(), every=LOOK_SECONDS)
    window = seen.window()
    if first is None and log is not None:
        window = replace(window, seconds=round(world.clock.now() - begun, 3))
    return evidence.canary_facts(window, _compared(stable, stable_first, log, world) if stable else None)


class _Log:
    """The proxy's log of a window, as far as it was read."""

    def __init__(self, since: float, serving: State, world: World) -> None:
        self._since, self._serving, self._world = since, serving, world
        self._found: tuple[proxylog.Request, ...] = ()

    def read(self) -> None:
        """Only what is new, and the last second again: workers write without waiting for each other."""
        since = max((one.at - DISORDER_SECONDS for one in self._found), default=self._since)
        since = max(since, self._since)
        known = tuple(one for one in self._found if one.at < since)
        self._found = known + proxylog.requests(self._world.engine.proxy_log(since), since)

    def of(self, instance: Instance) -> Figures:
        stable = self._serving.stable
        return proxylog.figures(self._found, instance.id, _ignored(instance.release), stable.id if stable else None)


class _Seen:
    """What is known of an instance so far."""

    def __init__(
        self, first: Scrape | None, probe: Tally | None, log: _Log | None, instance: Instance, world: World
    ) -> None:
        self._first, self._probe, self._log, self._instance, self._world = first, probe, log, instance, world
        self._latest: Scrape | None = None

    def window(self) -> Window:
        seen = metrics.window(self._first, self._latest, self._probe, _ignored(self._instance.release))
        return replace(seen, proxy=self._log.of(self._instance)) if self._log else seen

    def missing(self, enough: int) -> str | None:
        """Scrape and read again; None when there is enough evidence."""
        self._latest = scrape(self._instance, self._world) or self._latest
        if self._log:
            self._log.read()
        samples = evidence.evidence(self.window())
        return None if samples >= enough else f"{samples} of {enough} samples"


def _compared(stable: Instance, first: Scrape | None, log: _Log | None, world: World) -> Window:
    """What users of the stable instance met in the window that the canary is judged by."""
    seen = track_window(first, scrape(stable, world), stable.release)
    return replace(seen, proxy=log.of(stable)) if log else seen


def _log(serving: State, world: World, last_seconds: float = 0.0) -> _Log | None:
    """The proxy's log from now on and of the `last_seconds`, by the proxy's own clock: a container's may be another
    than this machine's. None when the proxy does not tell the time, as one from an older template does not."""
    if serving.settings is None:
        return None
    try:
        url = f"http://127.0.0.1:{serving.settings.admin_port}/clock"
        status, text = world.web.get(url, SCRAPE_TIMEOUT_SECONDS)
        now = float(text)
    except (OSError, ValueError):
        return None
    return _Log(now - last_seconds, serving, world) if status == 200 and math.isfinite(now) else None


def _probe(instance: Instance, manifest: Manifest, world: World) -> Tally | None:
    asked = manifest.canary.probe
    if asked is None:
        return None
    return world.traffic.probe(world.engine.address(instance), asked.path, asked.requests, asked.rps)


def _ignored(release: Release) -> frozenset[str]:
    return metrics.ignored_paths(release.health_path, release.metrics_path)

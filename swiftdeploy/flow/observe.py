"""Measure a running instance: scrape it, probe it, and make of both what the canary gate sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swiftdeploy.flow.waiting import until
from swiftdeploy.model import metrics
from swiftdeploy.model.decision import Json
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.metrics import Scrape, Tally, Window
from swiftdeploy.model.state import Instance, Release

if TYPE_CHECKING:
    from swiftdeploy.flow.world import World
    from swiftdeploy.model.manifest import Manifest

SCRAPE_TIMEOUT_SECONDS = 2.0
# Between two looks whether enough users have come: a scrape costs the app some milliseconds.
LOOK_SECONDS = 0.25
ENOUGH_SAMPLES = 100


def scrape(instance: Instance, world: World) -> Scrape | None:
    """One reading of the instance's own metrics page; None when it does not answer or has no such page."""
    try:
        address = world.engine.address(instance)
        status, text = world.web.get(f"http://{address}{instance.release.metrics_path}", SCRAPE_TIMEOUT_SECONDS)
    except (OSError, EnvironmentMissing):
        return None
    return metrics.parse_scrape(text, world.clock.now()) if status == 200 else None


def track_window(first: Scrape | None, second: Scrape | None, release: Release) -> Window:
    """What users of one instance saw between two scrapes, with no probe of ours among them."""
    return metrics.window(first, second, None, _ignored(release))


def judged(
    instance: Instance, manifest: Manifest, world: World, stable: Instance | None = None, enough: int = ENOUGH_SAMPLES
) -> dict[str, Json]:
    """The input of the canary gate for `instance`: scrape, probe, wait for evidence, scrape.

    It ends as soon as there are `enough` samples, and after `canary.window` without them. `stable`, measured over the
    same window, is there to compare. Raises Interrupted, and EnvironmentMissing when the instance has no address.
    """
    end = world.clock.now() + manifest.canary.window_seconds
    first, stable_first = scrape(instance, world), scrape(stable, world) if stable else None
    seen = _Seen(first, _probe(instance, manifest, world), instance, world)
    if first is not None:
        until(lambda: seen.missing(enough), world.clock, end - world.clock.now(), every=LOOK_SECONDS)
    compared = track_window(stable_first, scrape(stable, world), stable.release) if stable else None
    return metrics.canary_facts(seen.window(), compared)


class _Seen:
    """What is known of an instance so far."""

    def __init__(self, first: Scrape | None, probe: Tally | None, instance: Instance, world: World) -> None:
        self._first, self._probe, self._instance, self._world = first, probe, instance, world
        self._latest: Scrape | None = None

    def window(self) -> Window:
        return metrics.window(self._first, self._latest, self._probe, _ignored(self._instance.release))

    def missing(self, enough: int) -> str | None:
        """Scrape again; None when there is enough evidence."""
        self._latest = scrape(self._instance, self._world) or self._latest
        samples = metrics.evidence(self.window())
        return None if samples >= enough else f"{samples} of {enough} samples"


def _probe(instance: Instance, manifest: Manifest, world: World) -> Tally | None:
    asked = manifest.canary.probe
    if asked is None:
        return None
    return world.traffic.probe(world.engine.address(instance), asked.path, asked.requests, asked.rps)


def _ignored(release: Release) -> frozenset[str]:
    return metrics.ignored_paths(release.health_path, release.metrics_path)

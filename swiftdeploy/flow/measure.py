"""The canary gate's window: probe the instance, watch its users, and stop as soon as the verdict cannot change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from swiftdeploy.flow import observe
from swiftdeploy.flow.waiting import until
from swiftdeploy.model import evidence, metrics, untimed
from swiftdeploy.model.decision import Json
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.figures import Figures, Tally, Window, together
from swiftdeploy.model.scrape import Scrape
from swiftdeploy.model.state import Instance, State

if TYPE_CHECKING:
    from swiftdeploy.flow.world import World
    from swiftdeploy.model.manifest import Manifest, Probe

# Between two looks: a scrape costs the app some milliseconds, and more looks would only make bad luck likelier.
LOOK_SECONDS = 0.5
# The app may count by this much more than the proxy before its page is taken for that of others too.
EXCESS_PART, EXCESS = 1.1, 10


@dataclass(frozen=True)
class Measured:
    """What a window showed. `facts` is the gate's input; `enough` the samples that a source counts fully from."""

    window: Window
    stable: Window | None
    enough: int

    @property
    def facts(self) -> dict[str, Json]:
        return evidence.canary_facts(self.window, self.stable, self.enough)

    def alone(self, kind: str) -> dict[str, Json]:
        """The facts as if only one source, `users` or `proxy`, had seen anything."""
        nothing: dict[str, Any] = {"users": Figures(), "proxy": Figures(), "probe": None, "paths": {}}
        only = replace(self.window, **{**nothing, kind: getattr(self.window, kind)})
        return evidence.canary_facts(only, self.stable, self.enough)

    def samples(self, kind: str) -> int:
        """How many requests `users` or `proxy` saw."""
        figures: Figures = getattr(self.window, kind)
        return figures.samples


@dataclass(frozen=True)
class Needs:
    """What policy needs of a window. `enough`: samples that a source counts fully from; `wanted` may ask more of one.
    `certain` says of the facts so far whether no more evidence could change the verdict. `compared_above_ms`: a probe's
    p99 beyond it is held against stable's, so stable is probed too; None: it is never compared."""

    enough: int
    certain: Callable[[Mapping[str, Json]], bool]
    wanted: Mapping[str, int] = field(default_factory=dict)
    compared_above_ms: float | None = None


def judged(instance: Instance, manifest: Manifest, world: World, serving: State, needs: Needs) -> Measured:
    """Measure `instance`: scrape it, probe it, and while it serves watch its users too, by its own page and by the
    proxy's log; stable over the same window, to compare.

    It ends when the probe is done and each source of users has enough samples, when the verdict is certain, and after
    `canary.window` at the latest. An instance without traffic has no users, whatever its page counts. Raises
    Interrupted, and EnvironmentMissing when the instance has no address.
    """
    measuring = _Measuring(instance, manifest, world, serving, needs)
    measuring.probe()
    measuring.wait()
    measuring.compare()
    return measuring.measured()


class _Measuring:
    """One window under way."""

    def __init__(self, instance: Instance, manifest: Manifest, world: World, serving: State, needs: Needs) -> None:
        self._instance, self._manifest, self._world, self._needs = instance, manifest, world, needs
        self._begun = world.clock.now()
        self._end = self._begun + manifest.canary.window_seconds
        self._looked = self._begun
        self._serves = instance in serving.instances
        self._log = observe.log(serving, world, excluded=manifest.canary.exclude_paths) if self._serves else None
        self._stable = serving.stable if serving.stable != instance else None
        self._stable_first = observe.scrape(self._stable, world) if self._stable else None
        self._stable_scrapes = 0
        self._scrapes: list[Scrape] = []
        self._tallies: tuple[Tally, ...] = ()
        self._stable_tallies: tuple[Tally, ...] = ()
        self._own_answers: dict[str, tuple[str, ...]] = {}
        self._over = self._distrusted = False
        self._scrape()

    def probe(self) -> None:
        asked = self._manifest.canary.probe
        if asked is None:
            return
        self._own_answers = {path: self._answer_of_stable(path) for path in asked.asked_paths}
        self._tallies = self._probed(self._instance, asked, asked.requests, self._watch)

    def _probed(
        self, instance: Instance, asked: Probe, requests: int, watch: Callable[[Sequence[Tally]], bool]
    ) -> tuple[Tally, ...]:
        tallies = self._world.traffic.probe(
            self._world.engine.address(instance),
            asked.asked_paths,
            requests,
            asked.rps,
            enough=self._needs.enough,
            longest_seconds=max(0.0, self._end - self._world.clock.now()),
            watch=watch,
        )
        return self._timed(tallies)

    def compare(self) -> None:
        """Probe stable as the canary was, where its p99 is to be held against it: nobody else asks both the same."""
        asked, above = self._manifest.canary.probe, self._needs.compared_above_ms
        probe = self._window().probe
        if not (self._stable and asked and probe and above is not None) or (probe.p99_latency_ms or 0.0) <= above:
            return
        each = -(-self._needs.enough // len(asked.asked_paths))
        self._stable_tallies = self._probed(self._stable, asked, each * len(asked.asked_paths), lambda _: False)

    def _timed(self, tallies: Sequence[Tally]) -> tuple[Tally, ...]:
        """Without the latencies of paths that do not count for p99."""
        excluded = self._manifest.canary.exclude_paths
        return tuple(
            replace(one, timed_ms=()) if untimed.is_excluded(one.path.partition("?")[0], excluded) else one
            for one in tallies
        )

    def _answer_of_stable(self, path: str) -> tuple[str, ...]:
        """What stable answers on a path: a login or a missing page there is no fault of the canary's."""
        if self._stable is None:
            return ()
        try:
            return (str(self._world.traffic.ask(self._world.engine.address(self._stable), path).status),)
        except (OSError, EnvironmentMissing):
            return ()

    def wait(self) -> None:
        """For users, while there can be any."""
        if self._serves and not self._over:
            until(self._missing, self._world.clock, self._end - self._world.clock.now(), every=LOOK_SECONDS)
        elif not self._over:
            self._look()

    def measured(self) -> Measured:
        return Measured(self._window(), self._stable_window(), self._needs.enough)

    def _stable_window(self) -> Window | None:
        if self._stable is None:
            return None
        last = observe.scrape(self._stable, self._world)
        self._stable_scrapes += 1
        seconds = last.at - self._stable_first.at if last and self._stable_first else 0.0
        own = observe.own(self._stable_scrapes, seconds, self._world)
        seen = observe.page_window(self._stable_first, last, self._stable.release, own, self._stable_tallies)
        return observe.with_log(seen, self._stable, self._log) if self._log else seen

    def _watch(self, tallies: Sequence[Tally]) -> bool:
        """While the probe runs: whether it may end already."""
        self._tallies = self._timed(tallies)
        if self._world.clock.now() - self._looked >= LOOK_SECONDS:
            self._look()
        return self._over

    def _look(self) -> None:
        """Take in what is new, tell people, and see whether that decides it."""
        self._looked = self._world.clock.now()
        self._scrape()
        if self._log:
            self._log.read()
        facts = evidence.canary_facts(self._window(), self._stable_window(), self._needs.enough)
        self._over = self._needs.certain(facts)
        self._world.console.progress(_in_words(self._instance.id, facts, max(0.0, self._end - self._looked)))

    def _missing(self) -> str | None:
        self._look()
        if self._over:
            return None
        window = self._window()
        for kind, figures in self._sources_of_users(window).items():
            needed = max(self._needs.enough, self._needs.wanted.get(kind, 0))
            if figures.samples < needed:
                return f"{figures.samples} of {needed} samples of {kind}"
        return None

    def _sources_of_users(self, window: Window) -> dict[str, Figures]:
        """Those that can say anything here; a page on which most of what the proxy sent is missing cannot."""
        page = bool(self._scrapes) and self._scrapes[-1].usable and not self._distrusted
        page = page and 2 * window.users.samples >= window.proxy.samples
        return {**({"users": window.users} if page else {}), **({"proxy": window.proxy} if self._log else {})}

    def _scrape(self) -> None:
        found = observe.scrape(self._instance, self._world)
        if found is not None:
            self._scrapes.append(found)

    def _window(self) -> Window:
        first, latest = (self._scrapes[0], self._scrapes[-1]) if len(self._scrapes) > 1 else (None, None)
        asked = [one for one in self._tallies if one.requests]
        own = observe.own(len(self._scrapes) - 1, latest.at - first.at if first and latest else 0.0, self._world)
        seen = observe.page_window(first, latest, self._instance.release, own, asked)
        seen = observe.with_log(seen, self._instance, self._log) if self._log else seen
        users, note = self._trusted(seen.users, seen.proxy)
        self._distrusted = bool(note)
        return replace(
            seen,
            seconds=round(self._world.clock.now() - self._begun, 3),
            users=users,
            **_of_probe(asked, self._own_answers),
            notes=tuple(one for one in (note, *dict.fromkeys(one.slowed for one in asked)) if one),
        )

    def _trusted(self, users: Figures, proxy: Figures) -> tuple[Figures, str]:
        """The app's own count as far as it can be that of this instance's users, and why it is not used."""
        if not self._serves:
            return Figures(), ""
        if several := metrics.several_workers(self._scrapes):
            return Figures(), f"{self._instance.id}: {several}, so its metrics page is not used"
        if self._log is None or not self._log.tells_anything:
            return users, ""
        page = f"{self._instance.id}'s metrics page"
        if self._scrapes and metrics.another_process(self._scrapes[0], self._scrapes[-1]):
            return Figures(), f"{page} is of another process than at first, so the proxy's log alone counts its users"
        if users.samples > proxy.samples * EXCESS_PART + EXCESS:
            counted = f"{page} counts {users.samples} requests of users where the proxy sent {proxy.samples}"
            return Figures(), f"{counted}: it counts others' too, so it is not used"
        return users, ""


def _of_probe(tallies: Sequence[Tally], own_answers: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """What the probe adds to a window: its figures, those of each path, and its errors in words."""
    if not tallies:
        return {"probe": None}
    paths = {one.path: one.figures(own_answers.get(one.path, ())) for one in tallies}
    whole = replace(together(tallies), errors=sum(one.errors for one in paths.values())).figures()
    said = "; ".join(text for one in tallies if (text := one.said(own_answers.get(one.path, ()))))
    return {"probe": whole, "paths": paths, "said": {"probe": said}}


def _in_words(name: str, facts: Mapping[str, Json], left_seconds: float) -> str:
    return f"measuring {name}: {evidence.in_words(facts)}, {left_seconds:.0f} s left at most"

"""nginx in its container: routes written, tested, taken over, and seen in force."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from swiftdeploy.engines.docker import logs, networks, nginx, workers
from swiftdeploy.engines.docker.compose import Compose
from swiftdeploy.engines.docker.composefile import Start
from swiftdeploy.engines.docker.containers import PROXY, Container
from swiftdeploy.engines.docker.marks import SETTINGS
from swiftdeploy.engines.docker.places import write
from swiftdeploy.machine import ask
from swiftdeploy.model import render, routes
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.routes import Routes
from swiftdeploy.model.state import Settings, State

SERVICE = "nginx"
START_SECONDS = 10.0
UNSEEN_SECONDS = 0.25  # old workers take connections for some 100 ms after a reload
RESTART_SECONDS = 2.0  # its ports are closed meanwhile, so those in flight do not get their whole time
READABLE = 0o644  # by the proxy's numeric user
CONFIG, ROUTES = render.NGINX, render.ROUTING


@dataclass(frozen=True)
class Routed:
    """What the proxy was last told. `addresses`: instance ids that it can reach, to `host:port` in its network.
    `former`: the workers that accepted connections before it was told; None where they cannot be seen."""

    settings: Settings
    generation: int = 0
    stable: str | None = None
    canary: str | None = None
    weight: int = 0
    addresses: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    former: tuple[int, ...] | None = ()


class Proxy:
    """The proxy of one project."""

    def __init__(self, compose: Compose) -> None:
        self._compose = compose
        self._places = compose.places
        self._seen = compose.containers
        self._record = self._places.docker / "routed.json"

    def due(self, settings: Settings) -> tuple[Start, ...]:
        """What has to be started to have it run, with routes as they were, or with none. One that runs with other
        settings goes on until `route` brings the new ones."""
        found = self._container()
        now = self.routed()
        if found and found.state == "running" and now:
            return ()
        return self._due(self._with_hosts(replace(now or Routed(settings), former=())), found)

    def admit(self, instance_id: str, address: str) -> None:
        """Let the admin listener reach an instance, and learn its address for the routes to come. Old workers, which
        do not know it, take connections for another moment after the reload: their 404 would count against it."""
        now = self._known()
        if now.addresses.get(instance_id) != address or not now.hosts:
            former = _accepting(self._container())
            self._tell(replace(now, addresses={**now.addresses, instance_id: address}))
            self._wait_for_new_workers(former)

    def _wait_for_new_workers(self, former: tuple[int, ...] | None) -> None:
        """Until none of the former ones takes connections; where they cannot be seen, as long as that takes."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            now = _accepting(self._container())
            if now is None or former is None:
                time.sleep(UNSEEN_SECONDS)
                return
            if not set(now) & set(former):
                return
            time.sleep(0.02)

    def dismiss(self, instance_id: str) -> None:
        """Forget an instance that never got traffic: nginx would ask the DNS for it for ever."""
        now = self.routed()
        if now and instance_id in now.addresses and instance_id not in (now.stable, now.canary):
            self._tell(replace(now, addresses={key: at for key, at in now.addresses.items() if key != instance_id}))

    def route(self, state: State, addresses: Mapping[str, str]) -> None:
        """Make it read the routes of `state`. Raises Unreadable when nginx refuses what the templates make of them."""
        if state.settings is None:
            raise EnvironmentMissing("there are no settings to route by", "run `swiftdeploy deploy`")
        found = self._container()
        former = _accepting(found)
        told = Routed(
            state.settings, state.generation, state.stable.id if state.stable else None,
            state.canary.id if state.canary else None, state.weight, dict(addresses), (), former,
        )  # fmt: skip
        if found is None or found.state != "running" or found.settings != published(state.settings):
            told = self._with_hosts(replace(told, former=()))
            self._compose.up(*self._due(told, found))
            self.require_running()
            if not told.hosts:  # its network was made just now
                self._tell(told)
        else:
            told = replace(told, hosts=self._known().hosts)
            if self.unrouted(state) is not None or self._changed(told):
                self._tell(told)

    def unrouted(self, state: State) -> str | None:
        """None when every new connection meets the routes of `state`: the new generation answers, and every former
        worker is gone or is titled `shutting down` (one answer of the new generation alone proves nothing)."""
        now = self.routed()
        if now is None or now.generation != state.generation:
            return f"routes of generation {state.generation} were not written"
        place = f"127.0.0.1:{now.settings.admin_port}"
        try:
            answer = ask.get(place, "/generation", 1.0)
        except OSError as error:
            return f"the proxy does not answer on {place} ({error})"
        if answer != (200, str(state.generation)):
            return f"the proxy still answers {answer[0]} {answer[1][:20].strip()!r}"
        found = self._container()
        if found is None or found.state != "running":
            return "the proxy's container is gone"
        seen = workers.seen(found.id)
        if seen is None or now.former is None:
            return None if _answers_only(place, state.generation) else "old workers still answer"
        left = seen.accepting & set(now.former)
        return f"{len(left)} workers with old routes still accept connections" if left else None

    def address(self, instance_id: str) -> str | None:
        """Where this machine reaches an instance: a path of the admin listener. None when the proxy knows none."""
        now = self.routed()
        if now is None or instance_id not in now.addresses:
            return None
        return f"127.0.0.1:{now.settings.admin_port}/instances/{instance_id}"

    def routed(self) -> Routed | None:
        """What it was last told; None when nothing, or nothing that can be read."""
        try:
            found = json.loads(self._record.read_text())
            settings = {**found["settings"], "private_paths": tuple(found["settings"]["private_paths"])}
            former = None if found["former"] is None else tuple(found["former"])
            whole = {**found, "settings": Settings(**settings), "hosts": tuple(found["hosts"]), "former": former}
            return Routed(**whole)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _with_hosts(self, told: Routed) -> Routed:
        return replace(told, hosts=networks.gateways(told.settings.network_name))

    def _known(self) -> Routed:
        now = self.routed()
        if now is None:
            raise EnvironmentMissing("the proxy of this project does not run", "run `swiftdeploy deploy`")
        return now

    def _container(self) -> Container | None:
        return self._seen.part(PROXY)

    def _due(self, told: Routed, found: Container | None) -> tuple[Start, ...]:
        """Write its files, and make room where a container ended, has other published ports or another image."""
        self._write(told)
        if found and found.lives and found.settings == published(told.settings):
            return ()
        if found and found.lives:
            self._seen.stop(found, RESTART_SECONDS)
        elif found:
            self._seen.remove(found)
        labels = {SETTINGS: published(told.settings)}
        return (Start(self._compose.stack(told.settings), SERVICE, {"labels": labels}),)

    def require_running(self) -> None:
        """Wait until it answers; raise what nginx says when it ends instead."""
        place = f"127.0.0.1:{self._known().settings.admin_port}"
        end = time.monotonic() + START_SECONDS
        while not _answers(place):
            found = self._container()
            if found is None or found.state != "running" or time.monotonic() > end:
                said = "\n".join(logs.tail(found.id, 5)) if found else "it is gone"
                if found:
                    self._seen.remove(found)
                raise nginx.refused(said, self._known().settings.nginx_image, "")
            time.sleep(0.02)

    def _tell(self, told: Routed) -> None:
        """New routes for a proxy that runs. When nginx refuses them, all files are as they were."""
        found = self._container()
        if found is None:
            raise EnvironmentMissing("the proxy of this project does not run", "run `swiftdeploy deploy`")
        told = told if told.hosts else self._with_hosts(told)
        before = {path: path.read_text() for path in (*self._files(), self._record) if path.is_file()}
        self._write(told)
        said = nginx.reload(found.id)
        if said is not None:
            for path, text in before.items():
                write(path, text, READABLE)
            raise nginx.refused(said, told.settings.nginx_image, ", so the old routes stay")

    def _write(self, told: Routed) -> None:
        self._places.make()
        config, routes = self._texts(told)
        write(self._record, json.dumps(asdict(told)))
        write(self._places.routing / CONFIG, config, READABLE)
        write(self._places.routing / ROUTES, routes, READABLE)

    def _changed(self, told: Routed) -> bool:
        return any(
            not path.is_file() or path.read_text() != text
            for path, text in zip(self._files(), self._texts(told), strict=True)
        )

    def _files(self) -> tuple[Path, Path]:
        return self._places.routing / CONFIG, self._places.routing / ROUTES

    def _texts(self, told: Routed) -> tuple[str, str]:
        templates = self._compose.templates()
        told_routes = Routes(
            told.addresses.get(told.stable or ""), told.addresses.get(told.canary or ""), told.weight, told.generation,
            told.addresses, tuple(told.addresses.values()), True, ("127.0.0.1", *told.hosts),
        )  # fmt: skip
        return (
            render.container_proxy(told.settings, templates),
            routes.text(told_routes, render.CONTAINER.handoff, templates),
        )


def published(settings: Settings) -> str:
    """A digest of what a container cannot change while it runs."""
    counts = (
        settings.bind, settings.port, settings.admin_port, settings.nginx_image, settings.restart_policy,
        settings.log_volume, settings.network_name, settings.network_driver,
    )  # fmt: skip
    return hashlib.sha256(json.dumps(counts).encode()).hexdigest()[:16]


def _accepting(found: Container | None) -> tuple[int, ...] | None:
    seen = workers.seen(found.id) if found and found.state == "running" else None
    return tuple(sorted(seen.accepting)) if seen else None


def _answers(place: str) -> bool:
    """Whether the admin listener answers anything at all."""
    try:
        return ask.get(place, "/generation", 1.0)[0] > 0
    except OSError:
        return False


def _answers_only(place: str, generation: int) -> bool:
    """Nothing but the new generation for a while, where workers cannot be seen."""
    end = time.monotonic() + UNSEEN_SECONDS
    while time.monotonic() < end:
        try:
            if ask.get(place, "/generation", 1.0) != (200, str(generation)):
                return False
        except OSError:
            return False
    return True

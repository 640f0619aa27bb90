"""The docker engine: a stack as an ordinary Compose project, on the daemon that the docker command talks to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from swiftdeploy.engines.docker import (
    claims,
    containers,
    drain,
    images,
    instances,
    inventory,
    judge,
    logs,
    marks,
    nginx,
    places,
    proxy,
    sweep,
    windowlog,
)  # fmt: skip
from swiftdeploy.engines.docker.compose import Compose
from swiftdeploy.engines.docker.containers import JUDGE, PROXY, Container, Containers
from swiftdeploy.flow.world import Part
from swiftdeploy.model import asking, render, routes
from swiftdeploy.model.check import Check
from swiftdeploy.model.decision import PolicySet
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.routes import Routes
from swiftdeploy.model.state import EngineName, Instance, Release, Settings, State

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

STOP_SECONDS = 10.0
STALE_SECONDS = 30.0


class Docker:
    """Fulfils flow.world.Engine. `leash`: pid and creation time of a process that the stack must not outlive: the next
    run on this machine removes what it left."""

    def __init__(
        self,
        root: Path,
        templates: Callable[[], Mapping[str, str]],
        leash: tuple[int, float] | None = None,
    ) -> None:
        self._places = places.of(root)
        self._root = str(self._places.root)
        self._containers = Containers(self._root)
        self._compose = Compose(self._places, templates, self._containers, str(marks.owner(leash)) if leash else "")
        self._templates = templates
        self._proxy = proxy.Proxy(self._compose)
        self._drain = drain.Drain(self._containers)
        self._asked: Settings | None = None
        self._judge_held_down = False

    @property
    def name(self) -> EngineName:
        return "docker"

    def fetch(self, manifest: Manifest) -> None:
        claims.require_folder(self._places.root)
        self._places.note(render.project_name(manifest.network.name))
        images.fetch(manifest, self._places.root)

    def release(self, manifest: Manifest) -> Release:
        return asking.release(manifest, images.require(manifest.services.image))

    def open(self, settings: Settings) -> None:
        claims.require_folder(self._places.root)
        self._containers.wake()
        found = self._containers.all()
        if self._asked != settings and not _serves(settings, found):
            claims.require(settings, self._places.root, found)
        self._places.note(render.project_name(settings.network_name))
        self._asked = settings

    def is_open(self) -> bool:
        return any(one.lives for one in self._containers.all())

    def start_judge(self, settings: Settings, policies: PolicySet) -> None:
        if not self._judge_held_down:
            claims.require_judge(settings, self._places.root, self._containers.all())
            judge.start(settings, policies, self._compose)

    def running(self) -> tuple[str, ...]:
        return tuple(sorted({one.instance for one in self._containers.all() if one.instance}))

    def start(self, instance: Instance, manifest: Manifest) -> None:
        # it is reached through the proxy before it gets any traffic
        beside = self._proxy.due(self._asked) if self._asked else ()
        if not beside:
            self._settle()
        instances.start(instance, manifest, self._compose, beside)
        if beside:
            self._proxy.require_running()
        self._proxy.admit(instance.id, instances.address(instance))

    def _settle(self) -> None:
        """A new container may get the address of one that was stopped before its last old clients were gone."""
        found = self._containers.part(PROXY)
        if self._places.unsettled.exists() and found and found.state == "running":
            if not drain.settled(found, STALE_SECONDS):
                raise EnvironmentMissing(
                    f"old workers of the proxy still hold clients after {STALE_SECONDS:g} s, and a new container could "
                    "get the address of one that they know",
                    "wait for those clients, or restart the proxy: docker compose restart nginx",
                )
            self._places.unsettled.unlink(missing_ok=True)

    def ended(self, instance: Instance) -> str | None:
        return instances.ended(self._containers.part(instance.id))

    def address(self, instance: Instance) -> str:
        found = self._proxy.address(instance.id)
        if found is None:
            raise instances.not_running(instance)
        return found

    def route(self, state: State) -> None:
        self._drain.begin()
        self._proxy.route(state, {one.id: instances.address(one) for one in state.instances})

    def unrouted(self, state: State) -> str | None:
        return self._proxy.unrouted(state)

    def busy(self, ids: Sequence[str]) -> str | None:
        return self._drain.busy(ids)

    def stop(self, instance_id: str, grace_seconds: float) -> None:
        found = self._containers.part(PROXY)
        if found and found.state == "running" and drain.finishing(found, 0.0):
            self._places.make()
            self._places.unsettled.touch()
        for one in self._containers.all():
            if one.instance == instance_id:
                self._containers.stop(one, grace_seconds)
        if found:
            self._proxy.dismiss(instance_id)

    def log_tail(self, name: str, lines: int) -> tuple[str, ...]:
        found = self._containers.part(name)
        return logs.tail(found.id, lines) if found else ()

    def log_follow(self, name: str) -> Iterator[str]:
        return logs.follow(self._part(name).id)

    def proxy_log(self, since: float) -> Sequence[str]:
        try:
            found = self._containers.part(PROXY)
            return windowlog.lines(found.id, since) if found else ()
        except EnvironmentMissing:  # there is other evidence, and whoever needs more will meet the daemon next
            return ()

    def parts(self, state: State) -> tuple[Part, ...]:
        if not state.instances:
            return ()
        found = self._containers.all()
        return tuple(
            _part(name, containers.part(name, found)) for name in (*(one.id for one in state.instances), PROXY, JUDGE)
        )

    def test_proxy(self, manifest: Manifest) -> str | None:
        settings = asking.settings(manifest, "docker")
        if settings.nginx_image not in images.known(settings.nginx_image):
            raise EnvironmentMissing(f"image {settings.nginx_image} is not here yet; deploy pulls it")
        templates = self._templates()
        tried = Routes("stable:1", "canary:1", 50, 1, {"stable-1": "stable:1"}, names=True)
        files = {
            f"{nginx.FOLDER}/{render.NGINX}": render.container_proxy(settings, templates),
            f"{nginx.FOLDER}/{render.ROUTING}": routes.text(tried, render.CONTAINER.handoff, templates),
        }
        return nginx.too_old(settings.nginx_image) or nginx.test_in(settings.nginx_image, files)

    def missing_command(self, manifest: Manifest) -> str | None:
        return None

    def inventory(self) -> tuple[Check, ...]:
        return inventory.checks()

    def port_holder(self, port: int) -> str | None:
        return claims.holder(port, "0.0.0.0", self._containers.all())

    def kill(self, part: str) -> None:
        self._containers.crash(self._part(part), comes_back=part != JUDGE)

    def hold_judge_down(self, down: bool) -> None:
        self._judge_held_down = down
        found = self._containers.part(JUDGE)
        if down and found:
            self._containers.stop(found, 0.0)

    def close(self, clean: bool) -> None:
        sweep.everything(self._places, self._containers, STOP_SECONDS, clean)

    def _part(self, name: str) -> Container:
        found = self._containers.part(name)
        if found is None or not found.lives:
            raise EnvironmentMissing(f"{name} does not run", "run `swiftdeploy deploy`")
        return found


def _serves(settings: Settings, found: tuple[Container, ...]) -> bool:
    """Whether the proxy runs already just as these settings want it."""
    now = containers.part(PROXY, found)
    return now is not None and now.state == "running" and now.settings == proxy.published(settings)


def _part(name: str, found: Container | None) -> Part:
    if found is None:
        return Part(name, "stopped", None, "its container is gone")
    match found.state:
        case "running":
            return Part(name, "running", None, container=found.id)
        case "restarting":
            return Part(name, "starting", None, found.status, found.id)
        case _:
            return Part(name, "stopped", None, found.status or found.state, found.id)

"""One instance of a release as a container of the Compose service of its track."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swiftdeploy.engines.docker import cli, containers, images, marks
from swiftdeploy.engines.docker.compose import Compose
from swiftdeploy.engines.docker.composefile import network_of
from swiftdeploy.engines.docker.containers import Container, Ended
from swiftdeploy.model import render
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import Instance, Track

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

SERVICES: dict[Track, str] = {"stable": "app", "canary": "canary"}


def start(instance: Instance, manifest: Manifest, compose: Compose) -> None:
    """Have its container run, beside all others of its service. Raises EnvironmentMissing."""
    root = str(compose.places.root)
    every = containers.of(root)
    found = containers.part(instance.id, every)
    if found and found.release == instance.release.id:
        if not found.lives:
            again(found.id)
        return
    if found:  # an id that an undone change had too
        containers.remove(found.id)
        every = tuple(one for one in every if one.id != found.id)
    text = render.project(manifest, compose.templates(), mode="canary")[render.COMPOSE]
    service, project = SERVICES[instance.track], render.project_name(manifest.network.name)
    changes = {
        "image": images.reference(instance.release, project),
        "environment": {"APP_INSTANCE": instance.id},
        # a name of its own, by which the proxy finds it whatever address it has after a restart
        "networks": {network_of(text, service): {"aliases": [instance.id]}},
        "labels": {
            marks.INSTANCE: instance.id,
            marks.RELEASE: instance.release.id,
            marks.DRAIN: f"{manifest.services.drain_timeout_seconds:g}",
        },
    }
    compose.up(text, service, changes, 1 + sum(one.service == service for one in every))


def again(container_id: str) -> None:
    """Start one that ended."""
    cli.do("start", container_id, what="a container cannot be started again")


def crash(found: Container, comes_back: bool) -> None:
    """SIGKILL, as a crash. Docker takes its own `kill` for a wish that it stays down, so what its restart policy would
    do is done here."""
    policy = cli.ask("container", "inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", found.id).out.strip()
    cli.do("kill", found.id, what=f"{found.part} cannot be killed")
    if comes_back and policy in ("always", "unless-stopped", "on-failure"):
        again(found.id)


def ended_in_words(found: Ended | None, crashes: int) -> str | None:
    """None while it lives, or will be started again by Docker."""
    if found is None:
        return "its container is gone"
    if found.state in ("running", "restarting") and found.restarts < crashes:
        return None
    how = "was killed for using too much memory" if found.out_of_memory else f"exited with status {found.exit_status}"
    if found.error:
        how = f"could not be started: {found.error}"
    return how if found.restarts < crashes else f"it has ended {found.restarts} times already; the last time it {how}"


def address(instance: Instance) -> str:
    """In the network that it shares with the proxy."""
    return f"{instance.id}:{instance.release.port}"


def not_running(instance: Instance) -> EnvironmentMissing:
    return EnvironmentMissing(f"{instance.id} has no address: it does not run", "run `swiftdeploy deploy`")

"""One instance of a release as a container of the Compose service of its track."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swiftdeploy.engines.docker import containers, images, marks
from swiftdeploy.engines.docker.compose import Compose
from swiftdeploy.engines.docker.composefile import Start, network_of
from swiftdeploy.engines.docker.containers import Container, Ended
from swiftdeploy.model import render
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import Instance, Track

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

SERVICES: dict[Track, str] = {"stable": "app", "canary": "canary"}
CRASHES = 5  # an instance that ended so often will not become ready


def start(instance: Instance, manifest: Manifest, compose: Compose, beside: tuple[Start, ...] = ()) -> None:
    """Have its container run, beside all others of its service, and start what else is due with it. Raises
    EnvironmentMissing."""
    found = compose.containers.part(instance.id)
    if found and found.release == instance.release.id:
        if beside:
            compose.up(*beside)
        if not found.lives:
            compose.containers.again(found)
        return
    if found:  # an id that an undone change had too
        compose.containers.remove(found)
    text = render.project(manifest, compose.templates(), mode="canary")[render.COMPOSE]
    service, project = SERVICES[instance.track], render.project_name(manifest.network.name)
    changes = {
        "image": images.reference(instance.release, project, compose.places.kept_releases),
        "environment": environment(instance, manifest),
        # a project's own template may be from before there was {state}
        **({"tmpfs": render.container_tmpfs(manifest.services)} if render.uses_state(manifest.services) else {}),
        # a name of its own, by which the proxy finds it whatever address it has after a restart
        "networks": {network_of(text, service): {"aliases": [instance.id]}},
        "labels": {
            marks.INSTANCE: instance.id,
            marks.RELEASE: instance.release.id,
            marks.DRAIN: f"{manifest.services.drain_timeout_seconds:g}",
        },
    }
    count = 1 + sum(one.service == service for one in compose.containers.all())
    compose.up(*beside, Start(text, service, changes, count))


def environment(instance: Instance, manifest: Manifest) -> dict[str, str]:
    """What differs between instances of one release, beside its track."""
    plain = render.filled_env(manifest.services, render.COMPOSE_INSTANCE)
    own = render.filled_env(manifest.services, instance.id)
    return {"APP_INSTANCE": instance.id} | {name: value for name, value in own.items() if value != plain[name]}


def ended(found: Container | None) -> str | None:
    """None while it lives, or will be started again by Docker; else what became of it in words."""
    if found is None:
        return "its container is gone"
    # one that ends again and again is seen between two of its lives
    return None if found.state == "running" else in_words(containers.inspected(found.id))


def in_words(seen: Ended | None) -> str | None:
    """What an inspection says of a container that ended; None when it lives, or will be started again by Docker."""
    if seen is None:
        return "its container is gone"
    if seen.state in ("running", "restarting") and seen.restarts < CRASHES:
        return None
    how = "was killed for using too much memory" if seen.out_of_memory else f"exited with status {seen.exit_status}"
    if seen.error:
        how = f"could not be started: {seen.error}"
    return how if seen.restarts < CRASHES else f"it has ended {seen.restarts} times already; the last time it {how}"


def address(instance: Instance) -> str:
    """In the network that it shares with the proxy."""
    return f"{instance.id}:{instance.release.port}"


def not_running(instance: Instance) -> EnvironmentMissing:
    return EnvironmentMissing(f"{instance.id} has no address: it does not run", "run `swiftdeploy deploy`")

"""Kept releases: the manifest text that each one ran with, so that it can be started again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swiftdeploy.flow.world import World
from swiftdeploy.model import errors
from swiftdeploy.model.state import Release

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

FOLDER = ".swiftdeploy/releases"
KEPT = 5


def keep(release: Release, text: str, world: World) -> None:
    """Write the manifest text (it may hold secrets: 0600) before the first start of the release."""
    world.files.write(f"{FOLDER}/{release.id}/manifest.yaml", text, private=True)


def kept(release: Release, world: World) -> str | None:
    """The manifest text of a release, None when it is not kept."""
    name = f"{FOLDER}/{release.id}/manifest.yaml"
    return world.files.read(name) if world.files.exists(name) else None


def restore(release: Release, text: str | None, world: World) -> None:
    """Undo `keep`."""
    if text is None:
        world.files.remove(f"{FOLDER}/{release.id}")
    else:
        keep(release, text, world)


def names(world: World) -> tuple[str, ...]:
    """Ids of the releases that are kept."""
    return world.files.names(FOLDER)


def text_of(release: Release, world: World) -> str:
    """The manifest text of a kept release; raises NotPossible when it is no longer kept."""
    text = kept(release, world)
    if text is None:
        raise errors.NotPossible(
            f"release {release.label} is no longer kept in {FOLDER}/", "deploy it again from its manifest"
        )
    return text


def manifest_of(release: Release, world: World) -> Manifest:
    """The manifest of a kept release."""
    from swiftdeploy.model import manifest

    return manifest.parse(text_of(release, world), f"{FOLDER}/{release.id}/manifest.yaml")


def prune(wanted: frozenset[str], world: World) -> None:
    """Remove kept releases that are not in `wanted`."""
    for name in names(world):
        if name not in wanted:
            world.files.remove(f"{FOLDER}/{name}")

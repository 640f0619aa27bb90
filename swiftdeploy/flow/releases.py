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


def text_of(release: Release, world: World) -> str:
    """The manifest text of a kept release; raises NotPossible when it is no longer kept."""
    name = f"{FOLDER}/{release.id}/manifest.yaml"
    if not world.files.exists(name):
        raise errors.NotPossible(
            f"release {release.label} is no longer kept ({name} is missing)", "deploy it again from its manifest"
        )
    return world.files.read(name)


def manifest_of(release: Release, world: World) -> Manifest:
    """The manifest of a kept release."""
    from swiftdeploy.model import manifest

    return manifest.parse(text_of(release, world), f"{FOLDER}/{release.id}/manifest.yaml")


def prune(wanted: frozenset[str], world: World) -> None:
    """Remove kept releases that are not in `wanted`."""
    for name in world.files.names(FOLDER):
        if name not in wanted:
            world.files.remove(f"{FOLDER}/{name}")

"""The manifest, as a command reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swiftdeploy.flow.world import World
from swiftdeploy.model import errors

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest


def require_project(world: World) -> None:
    """Raise Unreadable in a folder that is no project: no manifest, no journal, no state."""
    if not any(world.files.exists(name) for name in (world.manifest_name, "history.jsonl", ".swiftdeploy")):
        raise errors.Unreadable(
            f"there is no {world.manifest_name} here, and nothing else of a project",
            "start with `swiftdeploy init --example hello .`, or name yours with -f",
        )


def text(world: World) -> str:
    """The manifest's text; raises Unreadable, and says how to begin where there is none."""
    if not world.files.exists(world.manifest_name):
        raise errors.Unreadable(
            f"there is no {world.manifest_name} here",
            "start with `swiftdeploy init --example hello .`, or name yours with -f",
        )
    return world.files.read(world.manifest_name)


def manifest(world: World) -> Manifest:
    """The manifest; raises BadFile with everything that is wrong in it."""
    from swiftdeploy.model import manifest as manifests

    return manifests.parse(text(world), world.manifest_name)

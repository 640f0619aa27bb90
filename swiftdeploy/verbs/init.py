"""init: render nginx.conf and docker-compose.yml from the manifest."""

from __future__ import annotations

from swiftdeploy.flow import asked
from swiftdeploy.flow.world import World
from swiftdeploy.model import render


def init(world: World) -> tuple[str, ...]:
    """Write the rendered files whole or not at all; their names. Raises BadFile for manifest and templates."""
    manifest = asked.manifest(world)
    templates = world.files.templates()
    texts = render.project(manifest, templates)
    for name, text in render.mounted(manifest, templates).items():
        if not world.files.exists(name):  # once there, they hold the routes of what runs
            world.files.write(name, text)
    for name, text in texts.items():
        world.files.write(name, text)
    return tuple(texts)

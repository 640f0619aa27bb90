"""init: render nginx.conf and docker-compose.yml from the manifest."""

from __future__ import annotations

from swiftdeploy.flow.world import World
from swiftdeploy.model import manifest, render

RENDERED = ("nginx.conf", "docker-compose.yml")


def init(world: World) -> tuple[str, ...]:
    """Write the rendered files whole or not at all; their names. Raises BadFile for manifest and templates."""
    asked = manifest.parse(world.files.read(world.manifest_name), world.manifest_name)
    texts = render.project(asked, world.files.templates())
    for name, text in texts.items():
        world.files.write(name, text)
    return tuple(texts)

"""init: render nginx.conf and docker-compose.yml from the manifest."""

from __future__ import annotations

from swiftdeploy.flow import asked, outputs
from swiftdeploy.flow.world import World
from swiftdeploy.model import journal, render
from swiftdeploy.model.manifest import Manifest


def init(world: World) -> tuple[str, ...]:
    """Write the rendered files whole or not at all; their names. Raises BadFile for manifest and templates."""
    manifest = asked.manifest(world)
    texts = outputs.rendered(manifest, world)
    for name, text in _mounted(manifest, world).items():
        world.files.write(name, text)
    for name, text in texts.items():
        world.files.write(name, text)
    return tuple(texts)


def _mounted(manifest: Manifest, world: World) -> dict[str, str]:
    """What a plain `docker compose up` needs beside them; none of it while a stack runs, whose routes it would be."""
    last = journal.committed(world.journal.changes())
    if last and last.state.instances:
        return {}
    texts = render.mounted(manifest, world.files.templates())
    policies = world.files.policies()
    if policies.packaged:
        texts |= {f"{render.PACKAGED_POLICIES[2:]}/{name}": text for name, text in policies.files.items()}
    return texts

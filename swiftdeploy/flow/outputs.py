"""The rendered files in the project's folder: outputs, never inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swiftdeploy.flow import releases
from swiftdeploy.flow.world import World
from swiftdeploy.model.decision import FOLDER
from swiftdeploy.model.state import State, Track

if TYPE_CHECKING:
    from swiftdeploy.model.event import Committed
    from swiftdeploy.model.manifest import Manifest


def of_what_runs(state: State, mode: Track, world: World) -> dict[str, str]:
    """File names to texts, rendered from the newest release in `state`; raises BadFile when a template is broken."""
    runs = state.canary or state.stable
    if runs is None:
        return {}
    return rendered(releases.manifest_of(runs.release, world), world, mode)


def rendered(manifest: Manifest, world: World, mode: Track | None = None) -> dict[str, str]:
    """File names to texts as this manifest has them in this project; raises BadFile when a template is broken."""
    from swiftdeploy.model import render

    packaged = manifest.policy.path == FOLDER and not world.files.exists(FOLDER)
    policies = render.policies_folder(manifest.policy.path, packaged)
    return render.project(manifest, world.files.templates(), mode, policies)


def edited(asked: Manifest, last: Committed | None, world: World) -> tuple[str, ...]:
    """Names of files that are neither what runs nor what the manifest asks for: someone edited them by hand, and may
    believe that it counts. Raises BadFile when a template is broken."""
    fine = [rendered(asked, world)]
    if last and last.state.instances:
        fine.append(of_what_runs(last.state, last.mode, world))
    return tuple(
        name
        for name in fine[0]
        if world.files.exists(name) and world.files.read(name) not in [texts.get(name) for texts in fine]
    )

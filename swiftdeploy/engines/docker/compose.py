"""Compose, by argv, on a file that is given on its standard input: nothing of a release is left on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from swiftdeploy.engines.docker import cli, composefile, images, marks
from swiftdeploy.engines.docker.composefile import Start
from swiftdeploy.engines.docker.containers import Containers
from swiftdeploy.engines.docker.places import Places
from swiftdeploy.model import render
from swiftdeploy.model.state import Settings


@dataclass(frozen=True)
class Compose:
    """Starts services of one project. `owner` is the mark of a process that the stack must not outlive, or empty."""

    places: Places
    templates: Callable[[], Mapping[str, str]]
    containers: Containers
    owner: str

    def up(self, *starts: Start) -> None:
        """Have so many containers of these services; those that are there stay as they are. Missing images are pulled.
        Raises EnvironmentMissing."""
        root = str(self.places.root)
        labels = {marks.ROOT: root, **({marks.OWNER: self.owner} if self.owner else {})}
        file = composefile.of(starts, labels, root)
        words = (
            "compose", "--project-directory", root, "--env-file", "/dev/null", "-f", "-", "up", "-d", "--no-deps",
            "--no-build", "--pull", "never", "--no-recreate",
            *(word for one in starts for word in ("--scale", f"{one.name}={one.count}")), *(one.name for one in starts),
        )  # fmt: skip
        answer = cli.ask(*words, stdin=file, seconds=cli.START_SECONDS)
        if answer.status and images.pull_missing(*composefile.images_of(starts)):
            answer = cli.ask(*words, stdin=file, seconds=cli.START_SECONDS)
        self.containers.changed()
        if answer.status:
            raise cli.failed(f"{' and '.join(one.name for one in starts)} cannot be started", answer)

    def stack(self, settings: Settings, policies: str = render.POLICIES) -> str:
        """The rendered file for the parts that no release changes; `policies` is the folder that OPA reads."""
        return render.stack(settings, self.templates(), policies)

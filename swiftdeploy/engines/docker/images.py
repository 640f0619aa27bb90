"""The app's image: what a name means right now, built or pulled, and kept for the releases that may come back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from swiftdeploy.engines.docker import cli
from swiftdeploy.model import render
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import Release

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

# Old images have a name in this repository, so that no prune takes what a rollback needs.
KEPT = render.KEPT_IMAGES
RELEASE = re.compile(r"[0-9a-f]{12}")


def digest(name: str) -> str | None:
    """Id of the image that the name means on this machine (`sha256:` and hex); None when it is not here."""
    answer = cli.ask("image", "inspect", "--format", "{{.Id}}", name)
    if answer.status == 0:
        return answer.out.strip()
    if why := cli.no_daemon():
        raise EnvironmentMissing(why, "start the Docker daemon, or use --engine local")
    return None


def require(name: str) -> str:
    """The digest; raises EnvironmentMissing, with how to get it, when the image is not here."""
    found = digest(name)
    if found is None:
        raise EnvironmentMissing(
            f"image {name} is not here",
            f"build it (`docker build -t {name} .`), pull it, or give services.build and deploy",
        )
    return found


def fetch(manifest: Manifest, root: Path) -> None:
    """Have all images here: the app's is built when the manifest says from what; what is missing is pulled."""
    for name in (manifest.nginx.image, manifest.opa.image):
        pull_missing(name)
    services = manifest.services
    if services.build is not None:
        context = root / services.build
        if not context.is_dir():
            raise EnvironmentMissing(f"services.build: there is no folder {services.build}", "correct it")
        cli.do(
            "build", "-q", "-t", services.image, str(context),
            what=f"image {services.image} cannot be built from {services.build}", seconds=cli.PULL_SECONDS,
        )  # fmt: skip
    else:
        pull_missing(services.image)


def pull_missing(name: str) -> None:
    """Pull an image that is not here. Raises EnvironmentMissing when it cannot be had."""
    if digest(name) is None:
        cli.do("pull", "-q", name, what=f"image {name} is not here and cannot be pulled", seconds=cli.PULL_SECONDS)


def reference(release: Release, project: str) -> str:
    """A name for exactly the release's image, kept under a name of ours from now on. Raises EnvironmentMissing when
    the image is gone."""
    kept = f"{KEPT}/{project}:{release.id}"
    if digest(kept) != release.digest:
        if digest(release.digest) is None:
            raise EnvironmentMissing(
                f"the image of release {release.label} is gone ({release.image}, {release.digest[:19]})",
                "deploy the release anew from its manifest",
            )
        cli.do("tag", release.digest, kept, what=f"image {release.image} cannot be kept")
    return release.image if digest(release.image) == release.digest else kept


def prune(project: str, wanted: frozenset[str]) -> None:
    """Give up the names of a project's releases but those with these ids."""
    _untag(project, [tag for tag in _tags(project) if RELEASE.fullmatch(tag) and tag not in wanted])


def forget(project: str) -> None:
    """Give up all names of ours for a project's images."""
    _untag(project, _tags(project))


def _tags(project: str) -> list[str]:
    return cli.ask("image", "ls", "--format", "{{.Tag}}", f"{KEPT}/{project}").out.split()


def _untag(project: str, tags: list[str]) -> None:
    if tags:
        cli.ask("image", "rm", *(f"{KEPT}/{project}:{tag}" for tag in tags))

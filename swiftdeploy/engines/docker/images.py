"""The app's image: what a name means right now, built or pulled, and kept for the releases that may come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from swiftdeploy.engines.docker import cli
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import Release

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

KEPT = "swiftdeploy-kept"  # a repository of names for old images, so that no prune takes what a rollback needs


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
    """Have the app's image here: built when the manifest says from what, else pulled when it is missing."""
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


def forget(project: str, but: frozenset[str]) -> None:
    """Give up the kept names of all releases of a project `but` those with these ids."""
    answer = cli.ask("image", "ls", "--format", "{{.Tag}}", f"{KEPT}/{project}")
    gone = [tag for tag in answer.out.split() if tag not in but]
    if gone:
        cli.ask("image", "rm", *(f"{KEPT}/{project}:{tag}" for tag in gone))

"""The app's image: what a name means right now, built or pulled, and kept for the releases that may come back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
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


def known(*names: str) -> dict[str, str]:
    """Names, or digests, of images that are on this machine to their ids (`sha256:` and hex)."""
    answer = cli.ask("image", "inspect", "--format", "{{.Id}} {{json .RepoTags}}", *names)
    if answer.status and not answer.out and (why := cli.no_daemon()):
        raise EnvironmentMissing(why, "start the Docker daemon, or use --engine local")
    found = {}
    for digest, _, tags in (line.partition(" ") for line in answer.out.splitlines() if line.startswith("sha256:")):
        found.update(dict.fromkeys((digest, *(json.loads(tags) or ())), digest))
    listed = {name: found[full] for name in names if (full := _full(name)) in found}
    others = (name for name in names if name not in listed and not name.startswith(KEPT))
    return {**listed, **{name: digest for name in others if (digest := _asked(name))}}


def _asked(name: str) -> str:
    """The id of an image whose name may not be as Docker lists it: `docker.io/library/nginx`, `nginx@sha256:...`."""
    answer = cli.ask("image", "inspect", "--format", "{{.Id}}", name)
    return answer.out.strip() if answer.status == 0 else ""


def require(name: str) -> str:
    """The id of an image; raises EnvironmentMissing, with how to get it, when the image is not here."""
    found = known(name).get(name)
    if found is None:
        raise EnvironmentMissing(
            f"image {name} is not here",
            f"build it (`docker build -t {name} .`), pull it, or give services.build and deploy",
        )
    return found


def fetch(manifest: Manifest, root: Path) -> None:
    """Have all images here: the app's is built when the manifest says from what; what is missing is pulled."""
    services = manifest.services
    wanted = (manifest.nginx.image, manifest.opa.image, *(() if services.build is not None else (services.image,)))
    pull_missing(*wanted)
    if services.build is None:
        return
    context = root / services.build
    if not context.is_dir():
        raise EnvironmentMissing(f"services.build: there is no folder {services.build}", "correct services.build")
    cli.do(
        "build", "-q", "-t", services.image, str(context),
        what=f"image {services.image} cannot be built from {services.build}", seconds=cli.PULL_SECONDS,
    )  # fmt: skip


def pull_missing(*names: str) -> bool:
    """Pull those that are not here; whether there were any. Raises EnvironmentMissing when one cannot be had."""
    here = known(*names)
    missing = [name for name in names if name not in here]
    for name in missing:
        _pull(name)
    return bool(missing)


def _pull(name: str) -> None:
    cli.do("pull", "-q", name, what=f"image {name} is not here and cannot be pulled", seconds=cli.PULL_SECONDS)


def _full(name: str) -> str:
    """As Docker lists it: with a tag."""
    return name if name.startswith("sha256:") or ":" in name.rpartition("/")[2] else f"{name}:latest"


def reference(release: Release, project: str, wanted: Callable[[], frozenset[str]]) -> str:
    """A name for exactly the release's image, kept under a name of ours from now on; names of releases that are not
    `wanted` any more are given up. Raises EnvironmentMissing when the image is gone."""
    kept = f"{KEPT}/{project}:{release.id}"
    here = known(kept, release.digest, release.image)
    if here.get(kept) != release.digest:
        if release.digest not in here:
            raise EnvironmentMissing(
                f"the image of release {release.label} is gone ({release.image}, {release.digest[:19]})",
                "deploy the release anew from its manifest",
            )
        cli.do("tag", release.digest, kept, what=f"image {release.image} cannot be kept")
        prune(project, wanted())
    return release.image if here.get(release.image) == release.digest else kept


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

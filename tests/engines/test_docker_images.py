"""A release is an image, not a name: what a rollback runs is what was deployed, whatever the name means since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dockerd
import pytest
from dockerd import docker
from project import Project
from stack import Stack

from swiftdeploy.engines.docker import images
from swiftdeploy.flow import releases
from swiftdeploy.model.errors import EnvironmentMissing

Make = Callable[..., Stack]
pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("dockerd_here")]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project whose image has a name of its own: `own`."""
    made = Project(tmp_path / "shop", tmp_path, engine="docker")
    made.set({"services.image": own(made)})
    docker("tag", dockerd.APP, own(made))
    yield made
    made.close()
    docker("image", "rm", own(made))
    assert made.left() == []


def own(project: Project) -> str:
    return f"{project.network}:1"


def changed(project: Project, mark: str) -> None:
    """From now on the name means another image."""
    dockerd.build(own(project), f"FROM {dockerd.APP}\nLABEL mark={mark}\n", project.root / "app")


def runs(project: Project) -> str:
    """Id of the image that the stable instance runs."""
    (container,) = dockerd.instances(project.root).values()
    return str(dockerd.inspected(container)["Image"])


def test_a_rollback_runs_the_image_that_was_deployed_whatever_its_name_means_now(project: Project) -> None:
    project.ok("deploy")
    first = runs(project)
    changed(project, "second")
    project.ok("deploy")
    assert runs(project) != first
    project.ok("rollback")
    assert runs(project) == first
    kept = [str(dockerd.inspected(name)["Id"]) for name in dockerd.kept(project.network)]
    assert len(kept) == len(set(kept)) == 2  # by a name of ours, so that no prune takes the one that has no other
    assert first in kept


def test_an_image_that_is_gone_is_said(docker_stack: Stack) -> None:
    release = docker_stack.engine.release(docker_stack.manifest)
    with pytest.raises(EnvironmentMissing, match=r"the image of release 1\.0\.0 .* is gone") as caught:
        images.reference(replace(release, digest=f"sha256:{'0' * 64}"), docker_stack.network, frozenset)
    assert "deploy the release anew" in str(caught.value)
    assert dockerd.kept(docker_stack.network) == []


def test_a_build_context_is_built_by_deploy_and_by_promote_canary(project: Project) -> None:
    text = project.manifest.read_text()
    project.manifest.write_text(text.replace("services:\n", "services:\n  build: .\n"))
    file = project.root / "Dockerfile"
    file.write_text(f"FROM {dockerd.APP}\nLABEL mark=first\n")
    project.ok("deploy")
    first = runs(project)
    assert dockerd.inspected(first)["Config"]["Labels"]["mark"] == "first"
    file.write_text(f"FROM {dockerd.APP}\nLABEL mark=second\n")
    project.set({"services.version": "2.0.0"})
    project.ok("promote", "canary")
    marks = {
        name.partition("-")[0]: dockerd.inspected(str(dockerd.inspected(container)["Image"]))["Config"]["Labels"][
            "mark"
        ]
        for name, container in dockerd.instances(project.root).items()
    }
    assert marks == {"stable": "first", "canary": "second"}
    file.write_text("FROM no-such-image:0\n")
    done = project.run("deploy")
    assert done.status == 13
    assert f"image {own(project)} cannot be built from ." in done.err


def test_names_of_releases_that_are_not_kept_are_given_up(docker_stack: Stack) -> None:
    stack = docker_stack
    stack.engine.fetch(stack.manifest)  # which notes under which name images are kept
    made = []
    for number in range(4):
        stack.services = {"version": f"{number}.0"}
        made.append(stack.engine.release(stack.manifest))
        images.reference(made[-1], stack.network, lambda: frozenset(one.id for one in made))
    assert len(dockerd.kept(stack.network)) == 4
    images.prune(stack.network, frozenset(one.id for one in made[2:]))
    assert set(dockerd.kept(stack.network)) == {f"{images.KEPT}/{stack.network}:{one.id}" for one in made[2:]}


@dockerd.LONG
def test_five_releases_and_their_images_are_kept(project: Project) -> None:
    for number in range(1, 8):
        changed(project, f"m{number}")
        project.set({"services.version": f"{number}.0.0"})
        project.ok("deploy")
    kept = {path.name for path in (project.root / ".swiftdeploy" / "releases").iterdir()}
    assert len(kept) == releases.KEPT
    tags = {name.rpartition(":")[2] for name in dockerd.kept(project.network)}
    assert kept <= tags
    assert len(tags) <= releases.KEPT + 1  # the oldest one's goes with the next start


def test_an_image_that_is_nowhere_is_said_with_how_to_get_it(docker_stack: Stack) -> None:
    docker_stack.services = {"image": "swiftdeploy-tests/nowhere:1"}
    with pytest.raises(EnvironmentMissing, match="image swiftdeploy-tests/nowhere:1 is not here") as caught:
        docker_stack.engine.release(docker_stack.manifest)
    assert "docker build -t swiftdeploy-tests/nowhere:1" in str(caught.value)


@pytest.mark.parametrize("name", ["docker.io/library/{}", "docker.io/{}", "library/{}", "{}"])
def test_an_image_is_found_under_every_name_that_means_it(name: str) -> None:
    digest = str(dockerd.inspected(dockerd.NGINX)["Id"])
    wanted = (name.format(dockerd.NGINX), "swiftdeploy-tests/nowhere:1", digest)
    assert images.known(*wanted) == {wanted[0]: digest, digest: digest}

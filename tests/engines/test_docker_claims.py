"""What belongs to somebody else is refused with its owner's name, and a stack touches its own things only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dockerd
import pytest
from dockerd import docker
from stack import Stack

from swiftdeploy.model import render
from swiftdeploy.model.errors import EnvironmentMissing, NotPossible, SwiftDeployError

Make = Callable[..., Stack]
pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("dockerd_here")]


def begun(stack: Stack) -> None:
    """As a first deploy begins."""
    stack.open()


def refused(stack: Stack, kind: type[SwiftDeployError], *words: str) -> None:
    """Beginning is refused with those words, and nothing of the stack is there."""
    with pytest.raises(kind) as caught:
        begun(stack)
    for word in words:
        assert word in str(caught.value)
    stack.engine.close(True)
    assert dockerd.left(stack.root, stack.network) == []


@contextmanager
def thing(kind: str, name: str, *labels: str) -> Iterator[None]:
    """A network or volume that somebody made."""
    docker(kind, "create", *(word for label in labels for word in ("--label", label)), name)
    try:
        yield
        assert dockerd.listed(kind, f"name={name}") == [name]  # it is still there
    finally:
        docker(kind, "rm", name)


@pytest.mark.parametrize(
    ("labels", "whose"),
    [
        ((), "was not made by Compose"),
        (("com.docker.compose.project=theirs",), "belongs to the Compose project theirs"),
    ],
    ids=["by-hand", "theirs"],
)
@pytest.mark.parametrize(
    ("kind", "suffix", "key"),
    [("network", "", "network.name"), ("network", "-opa", "network.name"), ("volume", "", "services.log_volume")],
    ids=["network", "opa's network", "volume"],
)
def test_anothers_network_or_volume_is_refused_with_its_owner(
    docker_stack: Stack, kind: str, suffix: str, key: str, labels: tuple[str, ...], whose: str
) -> None:
    name = docker_stack.network + suffix
    with thing(kind, name, *labels):
        refused(docker_stack, EnvironmentMissing, f"{kind} {name} {whose}", f"choose another {key}")


def test_a_network_name_that_runs_in_another_folder_is_refused_and_a_teardown_there_touches_nothing(
    make_docker: Make,
) -> None:
    one = make_docker("one")
    one.deploy()
    other = make_docker("other", network=one.network)
    with pytest.raises(EnvironmentMissing, match=f"runs from {one.root} ") as caught:
        begun(other)
    assert "choose another network.name" in str(caught.value)
    other.engine.close(True)
    assert one.get()[0] == 200
    assert len(dockerd.kept(one.network)) == 1
    third = make_docker("third")
    third.port = one.port
    project = f"container {one.network}-nginx-1 of the Compose project {one.network} in {one.root}"
    refused(third, EnvironmentMissing, f"port {one.port} is taken by {project}", "nginx.port")
    assert third.engine.port_holder(one.port) == project
    other.port = other.fresh_port()  # for the look at what is left


def test_a_plain_compose_up_of_the_same_folder_is_refused_with_the_way_out(docker_stack: Stack) -> None:
    stack = docker_stack
    file = stack.root / render.COMPOSE
    file.write_text(render.project(stack.manifest, stack.templates)[render.COMPOSE])
    argv = ("compose", "--project-directory", str(stack.root), "-f", str(file))
    try:
        docker(*argv, "up", "-d", "--no-deps", "app")
        with pytest.raises(NotPossible, match="a plain `docker compose up` of this project runs") as caught:
            begun(stack)
        assert "docker compose down" in str(caught.value)
        stack.engine.close(True)
        assert dockerd.listed("container", f"name={stack.network}-app-1") != []
    finally:
        docker(*argv, "down", "-v", "-t", "1")
    stack.deploy()
    assert stack.get()[0] == 200


@dockerd.LONG
def test_a_renamed_network_is_refused_while_the_stack_runs(docker_stack: Stack) -> None:
    docker_stack.deploy()
    before, docker_stack.network = docker_stack.network, f"{docker_stack.network}-new"
    with pytest.raises(NotPossible, match=f"runs as the Compose project {before}"):
        begun(docker_stack)
    docker_stack.network = before
    assert docker_stack.get()[0] == 200


@dockerd.LONG
def test_a_clean_teardown_of_one_leaves_the_other_alone(make_docker: Make, tmp_path: Path) -> None:
    one, other = make_docker("one"), make_docker("other")
    one.deploy()
    other.deploy()
    one.engine.close(True)
    assert one.left() == []
    assert other.get()[0] == 200
    assert len(dockerd.kept(other.network)) == 1
    assert dockerd.listed("volume", f"name={other.network}") == [other.network]


@pytest.mark.parametrize(
    ("image", "serves"), [("swiftdeploy-ci/nginx:1.26", False), ("swiftdeploy-ci/nginx:distro", True)]
)
def test_an_nginx_that_would_lose_requests_is_refused_and_a_new_enough_one_serves(
    make_docker: Make, image: str, serves: bool
) -> None:
    if dockerd.docker("image", "ls", "-q", image) == "":
        pytest.skip(f"{image} is not here; .ci/images has it")
    stack = make_docker(nginx={"image": image})
    begun(stack)
    if serves:
        stack.route(0, stack.new())
        assert stack.get()[0] == 200
        return
    with pytest.raises(EnvironmentMissing, match=r"is nginx 1\.26\.\d+; switching .* needs 1\.27\.4 or newer"):
        stack.begin()

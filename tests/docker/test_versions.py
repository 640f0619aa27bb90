"""Which nginx will do, and what is said of one that will not, or that a moving tag names."""

from __future__ import annotations

from collections.abc import Callable

import dockerd
import pytest
from project import Project

from benchmarks.client import Client

DISTRIBUTION, TOO_OLD = "swiftdeploy-ci/nginx:distro", "swiftdeploy-ci/nginx:1.26"

MakeProject = Callable[..., Project]


@pytest.mark.parametrize("image", [dockerd.NGINX, DISTRIBUTION])
def test_an_nginx_that_is_new_enough_switches_without_losing_a_request(make_project: MakeProject, image: str) -> None:
    project = make_project(nginx__image=image)
    project.ok("deploy")
    project.set({"services.version": "2.0.0"})
    with Client(project.port, rps=24, kept=24, idlers=0, post_share=0) as users:  # those kept idle for 1 to 3 s
        project.ok("deploy")
    assert project.version() == "2.0.0"
    assert not users.failed
    assert users.ok > 24


@pytest.fixture(scope="module")
def dated(make_project: MakeProject) -> Project:
    return make_project(nginx__image=TOO_OLD)


def test_validate_names_an_nginx_that_is_too_old(dated: Project) -> None:
    done = dated.run("validate")
    assert done.status == 1
    assert f"{TOO_OLD} is nginx 1.26.3; switching without losing a request needs 1.27.4 or newer" in done.out


def test_deploy_refuses_an_nginx_that_is_too_old_and_leaves_nothing(dated: Project) -> None:
    done = dated.run("deploy")
    assert done.status == 13
    assert f"{TOO_OLD} is nginx 1.26.3; switching without losing a request needs 1.27.4 or newer" in done.err
    assert [*dated.left(), *dockerd.of_project(dated.network)] == []


def test_validate_warns_of_tags_that_move(make_project: MakeProject) -> None:
    moving = ("swift-deploy-1-node:latest", "nginx:latest", "openpolicyagent/opa:latest-static")
    project = make_project(services__image=moving[0], nginx__image=moving[1], opa__image=moving[2])
    said = project.ok("validate").out
    assert [image for image in moving if f"{image} names no fixed version" not in said] == []

"""A real Docker daemon for everything in this folder; without one all of it is skipped, with one reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import dockerd
import pytest
from project import Project


@pytest.fixture(scope="session", autouse=True)
def _daemon() -> None:
    dockerd.require()


@pytest.fixture(scope="session")
def make_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes names for folders that are not there yet."""
    return lambda: tmp_path_factory.mktemp("docker") / "shop"


@pytest.fixture(scope="module")
def make_project(make_folder: Callable[[], Path]) -> Iterator[Callable[..., Project]]:
    """Makes projects for the docker engine; none of them leaves anything on the daemon."""
    made: list[Project] = []

    def make(**wanted: object) -> Project:
        root = make_folder()
        project = Project(root, root.parent, engine="docker")
        dockerd.unhurried(root)
        project.set({key.replace("__", "."): value for key, value in wanted.items()})
        made.append(project)
        return project

    yield make
    for project in made:
        project.close()
    assert [one for project in made for one in (*project.left(), *dockerd.of_project(project.network))] == []

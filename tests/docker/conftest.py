"""A real Docker daemon for everything in this folder; without one all of it is skipped, with one reason."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import containers
import pytest
from project import Project

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session", autouse=True)
def _daemon() -> None:
    """tests/conftest.py says it at the end of the run, and makes it a failure where Docker is required."""
    if why := containers.why_none():
        pytest.skip(why)


@pytest.fixture(scope="session")
def make_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes names for folders, whose last part no other project on the daemon has."""
    return lambda: tmp_path_factory.mktemp("docker") / f"sdt-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def make_project(make_folder: Callable[[], Path]) -> Iterator[Callable[..., Project]]:
    """Makes projects for the docker engine. Network, volume and Compose project are named like the folder. None of them
    leaves anything on the daemon."""
    made: list[Project] = []

    def make(**wanted: object) -> Project:
        root = make_folder()
        project = Project(root, root.parent, engine="docker")
        project.manifest.write_text(re.sub(r"\n  build: .*", "", project.manifest.read_text()))  # the image is here
        containers.unhurried(project.root)
        project.set({"network.name": root.name, "services.log_volume": root.name})
        project.set({key.replace("__", "."): value for key, value in wanted.items()})
        made.append(project)
        return project

    yield make
    for project in made:
        project.run("teardown", "--clean")
        project.close()
    assert [one for project in made for one in containers.left(project.root, project.root.name)] == []

"""Real stacks on both engines; whatever a test does, nothing of its stack may be left afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dockerd
import pytest
from stack import Stack

from swiftdeploy.engines.docker import sweep

Make = Callable[..., Stack]


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Make]:
    """Makes stacks in folders of their own, closes them, and sees that they left nothing."""
    made: list[Stack] = []

    def make(name: str = "project", **wanted: Any) -> Stack:
        made.append(Stack(tmp_path / name, **wanted))
        return made[-1]

    yield make
    for one in made:
        one.close()
    for one in made:
        assert one.left() == []
        shutil.rmtree(one.root / ".swiftdeploy", ignore_errors=True)


@pytest.fixture
def stack(make_stack: Make) -> Stack:
    return make_stack()


@pytest.fixture
def slow(make_stack: Make) -> Stack:
    """A stack whose app takes POST, and as long as `?s=` says."""
    made = make_stack(services={"command": ["{python}", "-S", "app_slow.py"]})
    shutil.copy(dockerd.SLOW_APP, made.root)
    return made


@pytest.fixture(scope="session")
def dockerd_here() -> None:
    """Skips where no daemon answers; what killed runs left is removed first."""
    dockerd.require()
    sweep.lost()


@pytest.fixture
def make_docker(dockerd_here: None, make_stack: Make) -> Make:
    """Makes stacks on Docker."""
    return partial(make_stack, on="docker")


@pytest.fixture
def docker_stack(make_docker: Make) -> Stack:
    return make_docker()


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def make_either(request: pytest.FixtureRequest, make_stack: Make) -> Make:
    """Makes stacks on the one engine, then on the other."""
    if request.param == "docker":
        request.getfixturevalue("dockerd_here")
    return partial(make_stack, on=request.param)


@pytest.fixture
def either(make_either: Make) -> Stack:
    return make_either()

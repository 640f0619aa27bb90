"""Fixtures that several rooms' tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A fake world over real files in an empty project folder."""
    return Bench(tmp_path)


@pytest.fixture(autouse=True)
def _no_daemon_by_chance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a Docker daemon answers on the machine that runs the tests counts only for those that ask for one."""
    if request.node.get_closest_marker("docker") is None:
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-point", action="store_true", help="kill commands at every phase boundary (make crash)")
    parser.addoption("--parity", type=int, default=500, help="inputs that both judges answer (make nightly: 10000)")

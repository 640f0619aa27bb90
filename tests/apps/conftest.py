"""Deploys real apps as ordinary projects, with nothing said of their metrics."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from project import Project
from realapps import App, Running

from swiftdeploy import wiring
from swiftdeploy.model.event import Committed

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).parent / "sources"


@pytest.fixture(scope="session")
def apps() -> Path:
    """The folder that .ci/apps makes."""
    found = subprocess.run([ROOT / ".ci" / "apps", "--there"], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip())


@pytest.fixture
def deployed(apps: Path, tmp_path: Path) -> Iterator[Callable[[App], Running]]:
    """Deploys an app on the local engine; torn down after the test."""
    with contextlib.ExitStack() as ends:

        def deploy(app: App) -> Running:
            if not (apps / app.needs).exists():
                missing = f"{app.needs} is not in {apps}: run .ci/apps, which needs Python, npm and Go"
                pytest.fail(missing) if os.environ.get("SWIFTDEPLOY_REQUIRE_APPS") else pytest.skip(missing)
            project = Project(tmp_path / "shop", tmp_path)
            ends.callback(project.close)
            for name in app.files:
                shutil.copy(SOURCES / name, project.root)
            project.set({"services.command": [word.replace("{apps}", str(apps)) for word in app.command]})
            for name, value in app.env:
                project.set({f"services.env.{name}": value.replace("{apps}", str(apps))})
            project.ok("deploy", "--engine", "local")
            world = wiring.Project(project.root, engine="local").world()
            (state,) = [one.event.state for one in project.journal() if isinstance(one.event, Committed)]
            return Running(project, world, state.instances[0])

        yield deploy

"""YAML files as parametrized tests, with pytest's public API only."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from swiftdeploy.pytest_plugin.item import MANIFEST, ScenarioItem

if TYPE_CHECKING:
    from swiftdeploy.scenario.read import Scenario

FOLDER = "scenarios"
_TOP_KEY = re.compile(r"""^(?:\ufeff)?[{]?\s*["']?([A-Za-z_]\w*)["']?\s*:""", re.MULTILINE)
LOOK_CHARACTERS = 300_000  # more than a scenario may have


class ScenarioFile(pytest.File):
    """One scenario file."""

    def collect(self) -> Iterator[ScenarioItem]:
        from swiftdeploy.pytest_plugin.play import play_scenario

        project = project_of(self.path)
        if project is None:
            raise self.CollectError(
                f"{self._shown()}: no {MANIFEST} in its folder or above; a scenario needs a project"
            )
        for scenario in self._read(project):
            item: Any = ScenarioItem.from_parent(self, name=scenario.id, callobj=play_scenario)
            item.scenario, item.project = scenario, project
            for tag in scenario.tags:
                self._register(tag)
                item.add_marker(tag)
            yield item

    def _read(self, project: Path) -> tuple[Scenario, ...]:
        from swiftdeploy.edge.files import Files
        from swiftdeploy.model import errors, manifest
        from swiftdeploy.scenario.read import read

        try:
            text = Files(self.path.parent).read(self.path.name)
            asked = Files(project).read(MANIFEST)
            manifest.parse(asked, str(_relative(project / MANIFEST, self.config.rootpath)))
            return read(text, self._shown(), os.environ, asked)
        except errors.SwiftDeployError as error:
            # an error of ours says place, reason and next step: a traceback would bury it
            raise self.CollectError(str(error)) from None

    def _shown(self) -> str:
        return str(_relative(self.path, self.config.rootpath))

    def _register(self, tag: str) -> None:
        """Tags are known marks, so that --strict-markers accepts them."""
        known = (line.split(":")[0].strip() for line in self.config.getini("markers"))
        if tag not in known:
            self.config.addinivalue_line("markers", f"{tag}: tag of SwiftDeploy scenarios")


def is_scenario(path: Path) -> bool:
    """`*.scenario.yaml` anywhere, and in a `scenarios/` beside a manifest each file with a top-level `scenario:` key.

    A file there with `steps` and a key that looks like a mistyped `scenario` counts too: reading says what is wrong.
    """
    if path.name.endswith(".scenario.yaml"):
        return True
    if not any(_is_home(folder) for folder in path.parents):
        return False
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            keys = set(_TOP_KEY.findall(file.read(LOOK_CHARACTERS)))
    except OSError:
        return False
    return "scenario" in keys or ("steps" in keys and bool(difflib.get_close_matches("scenario", keys, cutoff=0.75)))


def project_of(path: Path) -> Path | None:
    """The folder of the nearest manifest above a scenario file."""
    return next((folder for folder in path.parents if (folder / MANIFEST).is_file()), None)


def projects_of(config: pytest.Config) -> tuple[Path, ...]:
    """Projects whose scenarios the command line asks for, as far as paths tell without collecting."""
    found: dict[Path, None] = {}
    for word in config.args:
        path = Path(config.invocation_params.dir, word.split("::")[0])
        named = path.is_dir() or path.suffix == ".yaml"
        scenarios = path / FOLDER if path.is_dir() and (path / FOLDER).is_dir() else path
        project = project_of(scenarios / "x" if scenarios.is_dir() else scenarios) if named else None
        if project and (_holds_scenarios(scenarios) if scenarios.is_dir() else is_scenario(scenarios)):
            found[project] = None
    return tuple(found)


def _holds_scenarios(folder: Path) -> bool:
    return any(is_scenario(path) for path in folder.glob("*.yaml"))


def _is_home(folder: Path) -> bool:
    return folder.name == FOLDER and (folder.parent / MANIFEST).is_file()


def _relative(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path

"""One row of a scenario as a pytest item."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from swiftdeploy.scenario.read import Scenario

MANIFEST = "manifest.yaml"


class ScenarioItem(pytest.Function):
    """`scenario` is what it plays, `project` the folder that it copies."""

    scenario: Scenario
    project: Path

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name

"""What the README says is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from swiftdeploy.cli.table import COMMANDS
from swiftdeploy.model import schema
from swiftdeploy.scenario.read import read
from swiftdeploy.scenario.steps import kinds

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANIFEST = (ROOT / "manifest.yaml").read_text(encoding="utf-8")


def test_the_manifest_table_is_that_of_the_schema() -> None:
    assert schema.table() in README


def test_the_scenario_of_the_readme_can_be_read() -> None:
    example = re.search(r"```yaml\n(scenario:.*?)```", README, re.DOTALL)
    assert example
    assert [one.name for one in read(example[1], "README.md", {}, MANIFEST)]


def test_every_scenario_verb_is_documented() -> None:
    assert all(f"`{verb}`" in README for verb in kinds())


def test_every_command_is_named() -> None:
    assert all(re.search(rf"`(swiftdeploy )?{name}\b|swiftdeploy {name}\b", README) for name in COMMANDS)


def test_both_promised_commands_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target

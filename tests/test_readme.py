"""What the README says is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from swiftdeploy.cli.table import COMMANDS
from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.model import inputs, limits, policy, proof, schema
from swiftdeploy.model.decision import GATES, Gate, PolicySet
from swiftdeploy.scenario.read import read
from swiftdeploy.scenario.steps import kinds

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
POLICIES = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
MANIFEST = (ROOT / "manifest.yaml").read_text(encoding="utf-8")


def test_the_manifest_table_is_that_of_the_schema() -> None:
    assert schema.table() in README


def test_the_tables_of_the_policies_are_those_of_the_code() -> None:
    for table in (*map(inputs.table, GATES), inputs.source_table(), limits.table()):
        assert table in POLICIES


def test_the_example_of_the_policies_allows_and_denies_as_it_says() -> None:
    example = re.search(r"```rego\n(package main.*?)```", POLICIES, re.DOTALL)
    assert example
    packages: dict[Gate, str] = {"infrastructure": "main", "canary": "main"}
    files = {"main.rego": example[1], "data.json": '{"thresholds": {"max_error_rate_percent": 1.0}}'}
    policies = PolicySet(files, policy.digest(files, packages), False, packages)
    judge = Embedded()
    try:
        asked = {kind.kind: judge.decide("canary", kind.facts, policies) for kind in proof.questions(policies)[2:]}
        slow = judge.decide("canary", {**proof.healthy("canary", policies), "p99_latency_ms": 301.0}, policies)
    finally:
        judge.close()
    assert [one.outcome for one in asked.values()] == ["deny", "deny"]
    assert (slow.outcome, slow.warnings) == ("allow", ("slower than usual",))


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

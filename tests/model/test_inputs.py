"""The table of inputs: what a gate sends, its schema, and the worst of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from swiftdeploy.model import evidence, inputs, limits, policy, proof
from swiftdeploy.model.decision import GATES, Gate, Json, PolicySet
from swiftdeploy.model.figures import Figures, Window
from swiftdeploy.model.inputs import Input

POLICIES = Path(__file__).parents[2] / "policies"
PYTHON: Mapping[str, tuple[type, ...]] = {
    "number": (float,), "integer": (int,), "boolean": (bool,), "string": (str,), "object": (dict,), "array": (list,)
}  # fmt: skip
each_gate = pytest.mark.parametrize("gate", GATES)


@pytest.fixture(scope="module")
def shipped() -> PolicySet:
    files = {path.name: path.read_text(encoding="utf-8") for path in POLICIES.iterdir()}
    return PolicySet(files, policy.digest(files), packaged=True)


def leaves(parts: tuple[Input, ...]) -> list[Input]:
    return [leaf for one in parts for leaf in (leaves(one.parts) if one.parts else [one])]


@each_gate
def test_every_value_of_the_table_has_the_type_that_it_says(gate: Gate) -> None:
    for one in leaves(inputs.MEASURED[gate]):
        for value in (one.healthy, one.bad, one.worst):
            assert value is None or type(value) in PYTHON[one.kind], one.name
        assert one.healthy is not None or one.nullable, one.name


@each_gate
def test_what_the_gates_are_asked_about_is_safe_as_it_stands(gate: Gate, shipped: PolicySet) -> None:
    for facts in (proof.healthy(gate, shipped), *(one.facts for one in proof.questions(shipped))):
        assert policy.sanitise(facts) == facts


@each_gate
def test_every_figure_that_the_shipped_policies_judge_is_worse_in_the_worst_input(gate: Gate) -> None:
    healthy, worst = inputs.healthy(gate), inputs.worst(gate)
    assert [name for name in inputs.JUDGED[gate] if healthy[name] == worst[name]] == []
    assert set(inputs.JUDGED[gate]) <= healthy.keys()
    assert {one.figure for one in limits.THRESHOLDS if one.gate == gate} <= set(inputs.JUDGED[gate])


def test_the_worst_input_has_samples_enough_to_be_sure() -> None:
    worst = inputs.worst("canary")
    assert worst["samples"] == inputs.MANY
    sources = worst["sources"]
    assert isinstance(sources, dict)
    assert all(isinstance(one, dict) and one["errors"] == one["samples"] == inputs.MANY for one in sources.values())


def test_the_canary_gate_sends_nothing_that_the_table_does_not_have() -> None:
    figures = Figures(10, 1, 10.0, 20.0)
    seen = Window(1.0, 0, figures, figures)
    assert set(names(evidence.canary_facts(seen, seen, 100))) <= inputs.sent("canary")


def names(facts: Mapping[str, Json], before: str = "") -> list[str]:
    found = []
    for name, value in facts.items():
        found.append(before + name)
        if isinstance(value, dict):
            found += names(value, f"{before}{name}.")
    return found


@each_gate
def test_the_schema_tells_every_field_and_no_other(gate: Gate) -> None:
    schema: Any = inputs.json_schema(gate)
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {one.name for one in inputs.fields(gate)}
    assert set(get_args(inputs.Kind)) >= {one.kind for one in inputs.fields(gate)}


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ("input.error_rate > 1", "error_rate"),
        ("input.sources.user.samples > 1", "user"),
        ("input.sources.users.sample > 1", "sample"),
        ("input.thresholds.my_own > 1", ""),
        ('input.sources.users.samples > 1; input.action == "promote"; input.p99_latency_ms > 1', ""),
    ],
)
def test_opa_checks_policies_against_the_schema(opa_binary: str, tmp_path: Path, rule: str, refused: str) -> None:
    (tmp_path / "schema.json").write_text(json.dumps(inputs.json_schema("canary")))
    (tmp_path / "p.rego").write_text(f"package p\n\nimport rego.v1\n\ndeny contains 1 if {{ {rule} }}\n")
    argv = (opa_binary, "check", "--strict", "--schema", "schema.json", "p.rego")
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is (refused == ""), done.stderr
    assert refused in done.stderr


@each_gate
def test_opa_checks_the_shipped_policies_against_the_schema(opa_binary: str, tmp_path: Path, gate: Gate) -> None:
    (tmp_path / "schema.json").write_text(json.dumps(inputs.json_schema(gate)))
    files = (str(POLICIES / f"{gate}.rego"), str(POLICIES / "limits.rego"))
    argv = (opa_binary, "check", "--strict", "--schema", str(tmp_path / "schema.json"), *files)
    assert subprocess.run(argv, capture_output=True, text=True, check=False).stderr == ""

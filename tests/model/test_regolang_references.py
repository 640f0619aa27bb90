"""Which fields a policy reads, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from swiftdeploy.model.regolang import references
from swiftdeploy.model.regolang.references import Reference

POLICIES = Path(__file__).parents[2] / "policies"
HEAD = "package p\n\nimport rego.v1\n\n"


def paths(body: str, head: str = HEAD) -> list[str]:
    return [".".join(one.path) for one in references.inputs({"p.rego": head + body})]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("deny contains 1 if input.metrics.error_rate > 1", ["metrics.error_rate"]),
        ('deny contains 1 if input["error rate"] > 1', ["error rate"]),
        ('rate := object.get(input, "error_rate", 0)', ["error_rate"]),
        ('rate := object.get(input.users, "error_rate", 0)', ["users.error_rate", "users"]),
        ("host := input.host\n\nbad if host.disk < 1", ["host", "host.disk"]),
        ("bad if {\n\tusers := input.users\n\tusers.p99 > 1\n}", ["users", "users.p99"]),
        ("bad if {\n\tsome one in input.hosts\n\tone.disk < 1\n}", ["hosts"]),
        ("bad if input.hosts[i].disk < 1", ["hosts"]),
        ("bad if count([x | x := input.a; x > 1]) > input.b", ["a", "b"]),
        ("bad if {\n\tnot input.a\n\tevery x in input.b { x > input.c }\n}", ["a", "b", "c"]),
        ('text := sprintf("%v", [input.a])', ["a"]),
        ("f(x) := x + input.a", ["a"]),
        ("bad if {\n\tfalse\n} else := input.a", ["a"]),
        ("ok if other.input.a", []),
    ],
)
def test_fields_of_the_input_are_found(body: str, found: list[str]) -> None:
    assert paths(body) == found


def test_a_field_behind_an_import_is_found_under_its_own_name() -> None:
    assert paths("bad if m.rate > 1", HEAD + "import input.metrics as m\n\n") == ["metrics.rate"]


def test_a_reference_says_its_place() -> None:
    files = {"p.rego": HEAD + "bad if {\n\tinput.a.b > data.thresholds.max\n}\n"}
    assert references.inputs(files) == (Reference(("a", "b"), "p.rego", 6, 2),)
    assert references.thresholds(files) == (Reference(("max",), "p.rego", 6, 14),)


def test_tests_and_files_that_cannot_be_read_have_no_references() -> None:
    assert references.inputs({"p_test.rego": HEAD + "test_a if input.a", "q.rego": "package q\nbad if {"}) == ()


def test_the_shipped_policies_read_through_the_rules_of_another_package() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in POLICIES.iterdir()}
    assert {one.path for one in references.inputs(files) if one.file == "canary.rego"} == {
        ("error_rate_percent",),
        ("error_rate_seen_percent",),
        ("p99_latency_ms",),
        ("p99_latency_seen_ms",),
        ("versus_stable", "samples"),
        ("versus_stable", "p99_increase_percent"),
        ("p99_is_lower_bound",),
        ("samples",),
        ("window_seconds",),
    }
    assert {one.path[0] for one in references.thresholds(files)} >= {"max_error_rate_percent", "min_disk_free_gb"}

"""What a gate's policy reads, what nobody sends, and thresholds that cannot be compared with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.model import policy, reading
from swiftdeploy.model.decision import GATES, Gate, PolicySet

POLICIES = Path(__file__).parents[2] / "policies"
ARTICLE = Path(__file__).parents[1] / "judges" / "article"
PACKAGES: dict[Gate, str] = {"infrastructure": "host", "canary": "release"}


def folder(path: Path) -> PolicySet:
    files = {one.name: one.read_text(encoding="utf-8") for one in path.iterdir()}
    return PolicySet(files, policy.digest(files), packaged=False)


def release(*rules: str, **thresholds: object) -> PolicySet:
    """A canary package with these rules, from line 5 on, and a data.json."""
    text = "package release\n\nimport rego.v1\n\n" + "\n".join(rules) + "\n"
    files = {"release.rego": text, "host.rego": "package host\n\ndeny contains 1 if input.disk_free_gb < 1\n"}
    files |= {"data.json": json.dumps({"thresholds": thresholds}, indent=1)}
    return PolicySet(files, policy.digest(files, PACKAGES), False, PACKAGES)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("path", [POLICIES, ARTICLE], ids=["shipped", "article"])
def test_the_known_policies_read_nothing_that_is_not_sent(path: Path, gate: Gate) -> None:
    policies = folder(path)
    assert reading.unsent(gate, policies) == ()
    assert reading.unusable_thresholds(gate, policies) == ()


def test_the_shipped_policies_judge_every_figure_and_the_original_ones_do_not() -> None:
    assert [reading.unread(gate, folder(POLICIES)) for gate in GATES] == [(), ()]
    assert reading.unread("canary", folder(ARTICLE)) == ("p99_is_lower_bound", "samples")
    assert reading.unread("infrastructure", folder(ARTICLE)) == ()  # no limit per CPU, so no need to count them


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("deny contains 1 if input.error_rate > 1", "input.error_rate is sent by no gate; did you mean "
         "input.error_rate_percent?"),
        ("deny contains 1 if input.p99_latency > 1", "did you mean input.p99_latency_ms?"),
        ("deny contains 1 if input.sources.probe.p99 > 1", "input.sources.probe.p99 is sent by no gate"),
        ("deny contains 1 if input.samples.users > 1", "input.samples.users is sent by no gate"),
        ('deny contains 1 if object.get(input, "latency", 0) > 1', "input.latency is sent by no gate"),
        ("deny contains 1 if input.disk_free_gb < 1", "input.disk_free_gb is sent by no gate"),  # by the other gate
        ("deny contains 1 if input.frobnicated", "input.frobnicated is sent by no gate"),
        ("deny contains 1 if input.sources.users.p99_latency_ms > 1", ""),
        ("deny contains 1 if input.versus_stable.p99_increase_percent > 1", ""),
        ("deny contains 1 if input.versus_stable.anything > 1", "input.versus_stable.anything is sent by no gate"),
        ('deny contains 1 if input.action == "promote"', ""),
    ],
)  # fmt: skip
def test_names_that_no_gate_sends_are_found_with_their_place(rule: str, said: str) -> None:
    found = reading.unsent("canary", release(rule))
    assert len(found) == bool(said)
    assert all(str(one).startswith("policies/release.rego:5: ") and said in str(one) for one in found)
    assert reading.unsent("infrastructure", release(rule)) == ()


def test_a_file_that_only_opa_can_read_is_read_for_names_all_the_same() -> None:
    rule = "a.b[c].d contains 1 if input.error_rate > data.thresholds.most # input.no"
    policies = release(rule, 'x := "input.no"', other=1)
    assert [one.name for one in reading.unsent("canary", policies)] == ["input.error_rate"]
    assert [one.path for one in reading.unusable_thresholds("canary", policies)] == ["thresholds.most"]


@pytest.mark.parametrize(
    ("limit", "what"),
    [
        ("1", 'is "1", which is not a number'),
        (None, "is null, which is not a number"),
        (True, "is true, which is not a number"),
        (-0.5, "is negative"),
        (1e16, "is 1e+15 or more, which no figure can reach"),
        ({"deep": 1}, 'is {"deep": 1}, which is not a number'),
        (0, ""),
        (1.5, ""),
    ],
)
@pytest.mark.parametrize("where", ["data.thresholds", "input.thresholds"])
def test_a_threshold_that_bounds_nothing_is_named_with_both_places(where: str, limit: Any, what: str) -> None:
    policies = release(f"deny contains 1 if input.samples < {where}.least", least=limit)
    found = [str(one).splitlines()[0] for one in reading.unusable_thresholds("canary", policies)]
    whole = f"policies/data.json:3:3: thresholds.least: {what}, and policies/release.rego:5 compares with it"
    assert found == ([whole] if what else [])
    assert reading.unusable_thresholds("infrastructure", policies) == ()


def test_a_missing_threshold_is_named_and_a_deeper_one_may_be_an_object() -> None:
    deeper = release("deny contains 1 if input.samples < data.thresholds.release.least", release={"least": 3})
    assert reading.unusable_thresholds("canary", deeper) == ()
    (one,) = reading.unusable_thresholds("canary", release("deny contains 1 if 1 > data.thresholds.most", other=1))
    assert str(one) == "policies/data.json: thresholds.most: is missing, and policies/release.rego:5 compares with it"


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"max_cpu_load": 2.0}, []),  # the limit per CPU is optional
        ({"max_cpu_load_per_cpu": 2.0}, []),  # and takes the place of the other
        ({"max_cpu_load_per_cpu": 2.0, "max_cpu_load": "two"}, []),
        ({"max_cpu_load_per_cpu": "two"}, ["thresholds.max_cpu_load_per_cpu"]),
        ({"max_cpu_load": "two"}, ["thresholds.max_cpu_load"]),
        ({}, ["thresholds.max_cpu_load"]),
    ],
)
def test_optional_and_replaced_thresholds_may_be_missing(given: dict[str, Any], wrong: list[str]) -> None:
    thresholds = {"min_disk_free_gb": 1, "min_mem_free_percent": 1, **given}
    files = {**folder(POLICIES).files, "data.json": json.dumps({"thresholds": thresholds})}
    found = reading.unusable_thresholds("infrastructure", PolicySet(files, "", packaged=True))
    assert [one.path for one in found] == wrong
    assert all(one.file == "packaged data.json" for one in found)


def test_thresholds_of_the_other_gate_do_not_count() -> None:
    policies = folder(POLICIES)
    files = {**policies.files, "data.json": policies.files["data.json"].replace("500.0", '"slow"')}
    edited = PolicySet(files, "", packaged=False)
    assert reading.unusable_thresholds("infrastructure", edited) == ()
    assert [one.path for one in reading.unusable_thresholds("canary", edited)] == ["thresholds.max_p99_latency_ms"]

"""Policies of one's own through the real command line: proven before they are in force, explained, and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from policy_sets import VACUOUS, Vacuous
from project import Project

from swiftdeploy.model.event import Decided

FULL = {"min_disk_free_gb": 100_000_000.0}
CONFTEST = """package team.{gate}

import rego.v1

deny contains msg if {{
	not is_number(object.get(input, "{figure}", null))
	msg := "no {figure}"
}}

deny contains {{"msg": "{figure} is beyond its limit"}} if input.{figure} {sign} input.thresholds.{limit}

warn contains "judged by the team"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that nothing is ever deployed in."""
    root = tmp_path_factory.mktemp("proof")
    made = Project(root / "shop", root)
    yield made
    made.close()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "shop", tmp_path)
    yield made
    made.close()


def write(project: Project, files: dict[str, str], path: str = "policies") -> None:
    for name, text in files.items():
        (project.root / path / name).write_text(text, encoding="utf-8")


def limit(project: Project, **limits: object) -> None:
    data = project.root / "policies" / "data.json"
    thresholds = json.loads(data.read_text())["thresholds"] | limits
    data.write_text(json.dumps({"thresholds": thresholds}, indent=2))


@pytest.mark.parametrize("one", VACUOUS, ids=lambda one: one.name)
def test_no_set_that_gates_nothing_comes_into_force(folder: Project, one: Vacuous) -> None:
    write(folder, one.files)
    checked = folder.run("validate")
    assert checked.status == 2, checked.out
    gated = folder.run("deploy", SWIFTDEPLOY_OPA="off")
    assert gated.status == 11, gated.out
    for said in (checked.out, gated.err):
        assert [part for part in one.says if part not in said] == []
    assert "swiftdeploy policy explain" in gated.err
    assert not folder.instances()


def test_an_opa_server_refuses_them_too(project: Project, opa_binary: str) -> None:
    project.ok("deploy", SWIFTDEPLOY_OPA=opa_binary)
    write(project, VACUOUS[0].files)
    done = project.run("promote", "canary", SWIFTDEPLOY_OPA=opa_binary)
    assert done.status == 11, done.err
    assert "input.error_rate is sent by no gate; did you mean input.error_rate_percent?" in done.err
    last = [one.event.decision for one in project.journal() if isinstance(one.event, Decided)][-1]
    assert (last.judge, last.outcome, last.proven) == ("opa", "none", False)


def test_the_way_around_is_an_override_and_recorded(project: Project) -> None:
    write(project, VACUOUS[0].files)
    done = project.ok("deploy", "--override", "the team mends it tomorrow", SWIFTDEPLOY_OPA="off")
    assert "overridden (the team mends it tomorrow)" in done.out + done.err
    (decided,) = [one.event.decision for one in project.journal() if isinstance(one.event, Decided)]
    assert (decided.override, decided.proven) == ("the team mends it tomorrow", False)
    assert project.run("promote", "canary", SWIFTDEPLOY_OPA="off").status == 11  # once


def test_what_is_proven_is_recorded_and_not_proven_again(project: Project) -> None:
    project.ok("deploy", SWIFTDEPLOY_OPA="off")
    (decided,) = [one.event.decision for one in project.journal() if isinstance(one.event, Decided)]
    assert decided.proven
    assert decided.input["action"] == "deploy"
    assert decided.input["target_mode"] == "stable"
    assert str(decided.input["timestamp"]).endswith("Z")
    assert decided.input["thresholds"] == json.loads((project.root / "policies/data.json").read_text())["thresholds"]


def test_a_denial_names_threshold_file_and_how_to_look(project: Project) -> None:
    limit(project, **FULL)
    done = project.run("deploy", SWIFTDEPLOY_OPA="off")
    assert done.status == 10
    assert "limit: thresholds.min_disk_free_gb (100000000.0) in policies/data.json" in done.err
    assert "`swiftdeploy policy explain --gate infrastructure` shows what it judges" in done.err
    assert "free what this host lacks, or change the limit in policies/data.json" in done.err


@pytest.mark.parametrize("value", ["ten", None, -1, True])
def test_a_threshold_of_the_wrong_type_is_no_denial(folder: Project, value: object) -> None:
    shutil.rmtree(folder.root / "policies")
    shutil.copytree(Path(__file__).parents[2] / "policies", folder.root / "policies")
    limit(folder, min_disk_free_gb=value)
    done = folder.run("deploy", SWIFTDEPLOY_OPA="off")
    assert done.status == 11
    assert "policies/data.json:3:5: thresholds.min_disk_free_gb: is " in done.err
    assert f"policies/infrastructure.rego:{_line('thresholds.min_disk_free_gb')} compares with it" in done.err
    assert "next: mend policies/data.json" in done.err
    assert folder.run("validate").status == 1


def _line(text: str) -> int:
    whole = (Path(__file__).parents[2] / "policies" / "infrastructure.rego").read_text()
    return whole[: whole.index(text)].count("\n") + 1


def test_packages_and_folder_of_ones_own(project: Project) -> None:
    """Conftest's convention in a folder and in packages that the manifest names, from scaffold to promotion."""
    shutil.rmtree(project.root / "policies")
    (project.root / "deploy" / "rules").mkdir(parents=True)
    gates = {
        "host": {"figure": "mem_free_percent", "sign": "<", "limit": "least_memory"},
        "release": {"figure": "error_rate_percent", "sign": ">", "limit": "most_errors"},
    }
    files = {f"{gate}.rego": CONFTEST.format(gate=gate, **words) for gate, words in gates.items()}
    write(project, {**files, "data.json": '{"thresholds": {"least_memory": 0.1, "most_errors": 1.0}}'}, "deploy/rules")
    project.set({"policy.path": "deploy/rules", "policy.infrastructure": "team.host", "policy.canary": "team.release"})
    assert "policies: deploy/rules/ compile and decide" in project.ok("validate").out
    done = project.ok("deploy", SWIFTDEPLOY_OPA="off")
    assert "policy infrastructure warns: judged by the team" in done.out + done.err
    project.ok("promote", "canary", SWIFTDEPLOY_OPA="off")
    project.ok("init")
    assert 'source: "./deploy/rules", target: /policies' in (project.root / "docker-compose.yml").read_text()
    project.ok("chaos", "error", "--rate", "0.9")
    denied = project.run("promote", "canary", "--weight", "60", SWIFTDEPLOY_OPA="off")
    assert denied.status == 10, denied.err
    assert "error_rate_percent is beyond its limit" in denied.err


def test_a_folder_that_is_not_there_is_an_error_and_not_the_packaged_policies(project: Project) -> None:
    project.set({"policy.path": "rules"})
    done = project.run("deploy", SWIFTDEPLOY_OPA="off")
    assert done.status == 2
    assert "rules" in done.err


def test_explain_says_what_each_figure_does(folder: Project) -> None:
    shutil.rmtree(folder.root / "policies")
    shutil.copytree(Path(__file__).parents[2] / "policies", folder.root / "policies")
    rule = 'reasons contains "busy" if {\n\tinput.in_flight > 9\n\tfalse\n}\n\n'
    write(folder, {"canary.rego": VACUOUS[6].canary.replace("reasons contains", f"{rule}reasons contains", 1)})
    done = folder.ok("policy", "explain", "--gate", "canary", "--json")
    gates = json.loads(done.out)["gates"]
    assert list(gates) == ["canary"]
    effects = {one["name"]: one["effect"] for one in gates["canary"]["influences"]}
    assert effects["in_flight"] == "makes no difference"
    assert effects["samples"] == "not read"
    assert [one["name"] for one in gates["canary"]["unsent"]] == ["input.eror_rate_percent"]
    shown = folder.ok("policy", "explain").out
    assert "disk_free_gb     = 0.0         denies: disk_free_gb is 0.0, minimum required is 10.0" in shown
    assert "policies/canary.rego:8: input.eror_rate_percent is sent by no gate" in shown


def test_policy_check_and_test_and_doctor_refuse_them_too(folder: Project, tmp_path: Path) -> None:
    shutil.rmtree(folder.root / "policies")
    shutil.copytree(Path(__file__).parents[2] / "policies", folder.root / "policies")
    asked = tmp_path / "input.json"
    asked.write_text('{"error_rate_percent": 0.0}')
    assert folder.run("policy", "check", "--gate", "canary", "--input", str(asked)).status == 11  # too few samples
    assert folder.run("policy", "test").status == 0
    write(folder, {"canary.rego": VACUOUS[0].canary})
    done = folder.run("policy", "check", "--gate", "canary", "--input", str(asked))
    assert done.status == 11
    assert "allows the worst input" in done.out
    assert folder.run("policy", "test").status == 2
    assert "allows the worst input" in folder.run("doctor").out

"""Which engine, judge and actor a command gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import MANIFEST, Bench

from swiftdeploy.edge.files import Files
from swiftdeploy.engines.docker import cli
from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.model import errors
from swiftdeploy.verbs.deploy import deploy
from swiftdeploy.wiring import ENGINE_VARIABLE, OPA_VARIABLE, Project, opa_binary


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    monkeypatch.setenv(OPA_VARIABLE, "off")


def project(folder: Path, text: str = MANIFEST, engine: str | None = None) -> Project:
    Files(folder).write("manifest.yaml", text)
    return Project(folder, engine=engine)


def test_without_a_daemon_a_manifest_with_a_command_runs_on_local(tmp_path: Path) -> None:
    assert project(tmp_path).engine_name() == "local"


def test_without_a_command_no_engine_is_guessed(tmp_path: Path) -> None:
    text = "".join(line for line in MANIFEST.splitlines(keepends=True) if "command:" not in line)
    Files(tmp_path).write("manifest.yaml", text)
    with pytest.raises(errors.EnvironmentMissing, match=r"services\.command"):
        Project(tmp_path, starts=True).engine_name()
    assert Project(tmp_path).engine_name() == "local"  # what starts nothing needs none
    assert project(tmp_path, text, "local").engine_name() == "local"


def test_flag_beats_environment_beats_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = MANIFEST + "engine: docker\n"
    assert project(tmp_path, text).engine_name() == "docker"
    monkeypatch.setenv(ENGINE_VARIABLE, "local")
    assert project(tmp_path, text).engine_name() == "local"
    assert project(tmp_path, text, "docker").engine_name() == "docker"


def test_docker_is_chosen_where_a_daemon_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "no_daemon", lambda: None)
    assert project(tmp_path).engine_name() == "docker"
    assert project(tmp_path, engine="local").engine_name() == "local"


def test_the_engine_of_a_running_stack_is_kept(bench: Bench) -> None:
    deploy(bench.world())
    assert Project(bench.root).engine_name() == "local"
    with pytest.raises(errors.NotPossible, match="teardown"):
        Project(bench.root, engine="docker").engine_name()


def test_without_an_opa_binary_the_embedded_judge_is_the_judge(tmp_path: Path) -> None:
    assert opa_binary() is None
    assert isinstance(project(tmp_path).world().judge, Embedded)


def test_with_an_opa_binary_a_command_that_deploys_asks_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from swiftdeploy.judges.opa import Opa

    monkeypatch.setenv(OPA_VARIABLE, "/opt/opa")
    Files(tmp_path).write("manifest.yaml", MANIFEST)
    assert isinstance(Project(tmp_path, starts=True).world().judge, Opa)
    assert isinstance(Project(tmp_path).world().judge, Embedded)  # nothing runs that could be asked


def test_the_sample_app_stands_in_only_where_local_was_asked_for(tmp_path: Path) -> None:
    text = "".join(line for line in MANIFEST.splitlines(keepends=True) if "command:" not in line)
    made = project(tmp_path, text, "local")
    assert made.manifest
    assert made.world().engine.release(made.manifest).sample_app

"""The command line as a user meets it: real processes, exit statuses, JSON, next steps."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import Project, Ran

from swiftdeploy.cli.table import COMMANDS

MODULES_THAT_HELP_NEVER_LOADS = ("pydantic", "requests", "jinja2", "rich", "yaml", "aiohttp")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "shop", tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A deployed project that tests only look at."""
    folder = tmp_path_factory.mktemp("running")
    made = Project(folder / "shop", folder)
    made.ok("deploy")
    yield made
    made.close()


def swiftdeploy(*words: str, cwd: Path) -> Ran:
    argv = (sys.executable, "-m", "swiftdeploy", *words)
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def test_help_lists_every_command_and_loads_none_of_the_slow_libraries(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom swiftdeploy.cli.table import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {MODULES_THAT_HELP_NEVER_LOADS!r} if name in sys.modules])"
    )
    done = subprocess.run((sys.executable, "-c", code), cwd=tmp_path, capture_output=True, text=True, check=True)
    *text, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    assert all(any(line.split()[:1] == [name] for line in text) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_the_common_options(name: str, tmp_path: Path) -> None:
    done = swiftdeploy(name, "--help", cwd=tmp_path)
    assert done.status == 0, done.err
    assert name == "policy" or all(
        word in done.out for word in ("--file", "--engine", "--json", "--quiet", "--no-color")
    )


def test_a_mistyped_command_gets_the_nearest_one(tmp_path: Path) -> None:
    done = swiftdeploy("promot", cwd=tmp_path)
    assert (done.status, "did you mean 'promote'?" in done.err) == (2, True)


def test_without_a_manifest_the_error_says_how_to_start(tmp_path: Path) -> None:
    done = swiftdeploy("deploy", cwd=tmp_path)
    assert done.status == 2
    assert "manifest.yaml" in done.err
    assert "init --example" in done.err
    assert "Traceback" not in done.err


def test_a_manifest_with_two_faults_shows_both_with_their_places(project: Project) -> None:
    text = project.manifest.read_text()
    project.manifest.write_text(text.replace("services:", "servces:", 1))
    done = project.run("deploy")
    assert done.status == 2
    assert "did you mean 'services'?" in done.err
    assert "manifest.yaml:" in done.err
    assert project.processes() == []


@pytest.mark.parametrize(
    ("words", "named"),
    [(("promote", "canary"), "deploy"), (("promote", "stable"), "deploy"), (("rollback",), "deploy")],
)
def test_what_needs_a_stack_exits_3_and_names_the_command_that_is_possible(
    project: Project, words: tuple[str, ...], named: str
) -> None:
    done = project.run(*words)
    assert (done.status, f"swiftdeploy {named}" in done.err) == (3, True)


def test_a_taken_port_exits_13_and_names_who_holds_it(project: Project) -> None:
    with socket.create_server(("127.0.0.1", project.port)):
        done = project.run("deploy")
    assert done.status == 13
    assert str(project.port) in done.err
    assert "pid" in done.err
    assert project.processes() == []


def test_json_is_one_object_on_stdout_and_messages_are_on_stderr(project: Project) -> None:
    done = project.ok("deploy", "--json")
    answer = json.loads(done.out)
    assert answer["schema_version"] == 1
    assert answer["exit"] == 0
    assert [one["track"] for one in answer["instances"]] == ["stable"]
    assert answer["head"] == project.journal()[-1].hash
    assert "verify" in answer["seconds"]


def test_a_denied_deploy_exits_10_with_reasons_and_leaves_nothing(project: Project) -> None:
    data = project.root / "policies" / "data.json"
    data.write_text(data.read_text().replace('"min_disk_free_gb": 10.0', '"min_disk_free_gb": 1000000.0'))
    done = project.run("deploy", "--json")
    assert done.status == 10
    assert "disk_free_gb" in done.err
    assert "1000000" in json.loads(done.out)["error"]
    assert project.processes() == []
    assert project.ok("deploy", "--override", "a test of the break-glass").status == 0


def test_a_policy_that_does_not_compile_exits_11(project: Project) -> None:
    (project.root / "policies" / "canary.rego").write_text("package swiftdeploy.canary\n\nallow if {\n")
    done = project.run("deploy")
    assert done.status == 11
    assert "canary.rego:" in done.err
    assert project.processes() == []


def test_status_once_shows_no_evidence_and_changes_no_journal(running: Project) -> None:
    before = running.journal()
    done = running.ok("status", "--once", "--interval", "0.3")
    assert "NO EVIDENCE (0 of 100)" in done.out
    assert running.journal() == before


def test_status_check_without_traffic_exits_11(running: Project) -> None:
    assert running.run("status", "--check", "--interval", "0.3").status == 11


def test_status_says_when_what_runs_is_not_what_the_manifest_asks(running: Project) -> None:
    text = running.manifest.read_text()
    running.set({"services.version": "9.9.9"})
    said = running.ok("status", "--once", "--interval", "0.2").out
    running.manifest.write_text(text)
    assert "manifest asks 9.9.9, 1.0.0 runs" in said


def test_another_engine_than_the_running_one_exits_3(running: Project) -> None:
    done = running.run("deploy", "--engine", "docker")
    assert (done.status, "teardown" in done.err) == (3, True)


def test_an_unknown_engine_is_a_usage_error(running: Project) -> None:
    assert running.run("deploy", "--engine", "podman").status == 2


def test_plan_shows_what_would_happen_and_changes_nothing(running: Project) -> None:
    before = running.journal()
    text = running.manifest.read_text()
    running.set({"services.version": "2.0.0"})
    said = running.ok("plan").out
    running.manifest.write_text(text)
    assert "start stable-2 (2.0.0" in said
    assert "stop stable-1 (1.0.0" in said
    assert running.journal() == before


def test_validate_passes_on_a_running_project_since_its_own_port_is_no_conflict(running: Project) -> None:
    done = running.ok("validate", "--json")
    outcomes = {one["name"]: one["outcome"] for one in json.loads(done.out)["checks"]}
    assert outcomes["nginx -t"] == "pass"
    assert outcomes[f"port {running.port}"] == "pass"
    assert outcomes["policies"] == "pass"


def test_validate_reports_a_rendered_file_that_was_edited_by_hand(running: Project) -> None:
    running.ok("init")
    conf = running.root / "nginx.conf"
    conf.write_text(conf.read_text() + "# by hand\n")
    assert "nginx.conf: was edited by hand" in running.ok("validate").out
    running.ok("init")


def test_logs_of_one_instance_are_its_own(running: Project) -> None:
    lines = running.ok("logs", "stable").out.splitlines()
    assert lines
    assert all(line.startswith("stable-1") for line in lines)


def test_chaos_on_an_absent_canary_exits_3_and_out_of_range_exits_2(running: Project) -> None:
    assert running.run("chaos", "error", "--rate", "0.6").status == 3
    assert running.run("chaos", "error", "--rate", "7").status == 2


def test_policy_check_prints_the_decision_and_exits_10(running: Project, tmp_path: Path) -> None:
    source = tmp_path / "input.json"
    source.write_text(json.dumps({"disk_free_gb": 8.2, "cpu_load_1m": 0.1, "cpu_count": 2, "mem_free_percent": 50.0}))
    done = running.run("policy", "check", "--gate", "infrastructure", "--input", str(source), "--json")
    answer = json.loads(done.out)
    assert done.status == answer["exit"] == 10
    assert answer["allow"] is False
    assert answer["reasons"] == ["disk_free_gb is 8.2, minimum required is 10.0"]
    assert {"domain", "checked", "evidence", "judge", "policy_digest"} <= set(answer)


def test_policy_test_runs_the_packaged_tests(running: Project) -> None:
    assert " 0 failed" in running.ok("policy", "test").out


def test_audit_writes_the_report_and_verify_finds_a_cut(running: Project, tmp_path: Path) -> None:
    running.ok("audit")
    assert "## Mode Changes" in (running.root / "audit_report.md").read_text()
    head = running.journal()[-1].hash
    running.ok("audit", "--verify", "--head", head)
    copy = tmp_path / "cut"
    copy.mkdir()
    (copy / "manifest.yaml").write_text(running.manifest.read_text())
    lines = (running.root / "history.jsonl").read_text().splitlines(keepends=True)
    (copy / "history.jsonl").write_text("".join(lines[:-1]))
    assert swiftdeploy("audit", "--verify", cwd=copy).status == 0
    assert swiftdeploy("audit", "--verify", "--head", head, cwd=copy).status == 1


def test_the_whole_life_cycle_of_the_first_ten_minutes(project: Project) -> None:
    project.ok("deploy")
    project.ok("promote", "canary")
    project.ok("chaos", "error", "--rate", "0.6")
    denied = project.run("promote", "canary")
    assert (denied.status, "error_rate" in denied.err) == (10, True)
    project.ok("chaos", "recover")
    project.ok("promote", "stable")
    assert project.run("rollback").status == 3
    project.ok("teardown", "--clean")
    assert project.processes() == []
    assert not (project.root / "nginx.conf").exists()
    assert (project.root / "history.jsonl").exists()


def test_two_projects_side_by_side_do_not_touch_each_other(project: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / 'ein Laden; "mit" 100% ümlaut\'s', tmp_path)
    try:
        project.ok("deploy")
        other.set({"services.version": "7.7.7"})
        other.ok("deploy")
        assert (project.version(), other.version()) == ("1.0.0", "7.7.7")
        project.ok("teardown")
        assert other.version() == "7.7.7"
    finally:
        other.close()
    assert other.processes() == []

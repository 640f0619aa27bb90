"""The command line where things go wrong: no engine, no reader, Ctrl-C, dead instances."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from project import Project

from swiftdeploy.model import journal


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "shop", tmp_path)
    yield made
    made.close()


@pytest.fixture
def article(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "article", tmp_path, "article")
    yield made
    made.run("teardown", "--engine", "local")
    made.close()


@pytest.mark.parametrize("words", [("init",), ("plan",), ("status", "--once"), ("policy", "test"), ("teardown",)])
def test_what_starts_nothing_needs_no_engine_for_the_articles_manifest(
    article: Project, words: tuple[str, ...]
) -> None:
    assert article.run(*words).status == 0


def test_the_audit_report_can_be_written_after_a_teardown(article: Project) -> None:
    article.ok("deploy", "--engine", "local")
    article.ok("teardown")
    article.ok("audit")


def test_a_teardown_without_a_readable_journal_needs_no_flag(article: Project) -> None:
    article.ok("deploy", "--engine", "local")
    (article.root / "history.jsonl").write_text("garbage\n" * 3)
    article.ok("teardown")
    assert article.processes() == []


def test_the_sample_app_in_place_of_an_image_is_said(article: Project) -> None:
    said = article.ok("deploy", "--engine", "local").out
    assert "sample app, not swift-deploy-1-node:latest" in said
    assert "sample app, not swift-deploy-1-node:latest" in (article.root / "history.jsonl").read_text()


def test_a_teardown_of_no_project_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "swiftdeploy", "teardown", "-f", "nowhere/manifest.yaml")
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_the_output_that_leaves_neither_stops_nor_undoes_a_change(project: Project) -> None:
    project.ok("deploy")
    argv = (sys.executable, "-m", "swiftdeploy", "promote", "canary")
    reads, writes = os.pipe()
    os.close(reads)
    env = {**os.environ, "SWIFTDEPLOY_ENGINE": ""}
    done = subprocess.run(
        argv, cwd=project.root, stdout=writes, stderr=subprocess.PIPE, env=env, timeout=60, check=False
    )
    os.close(writes)
    last = journal.committed(reversed(project.journal()))
    assert last
    assert (done.returncode, last.verb) == (0, "promote"), "exit 0 although the promote was undone"


STOPPED_IN_VERIFY = """
import os, signal, sys
import swiftdeploy.wiring
def at(point):
    def hear(name, edge):
        if (name, edge) == ("verify", "before"):
            os.kill(os.getpid(), signal.SIGINT)
    return hear
swiftdeploy.wiring.kill_at = at
from swiftdeploy.cli import main
sys.argv = ["swiftdeploy", "deploy"]
main()
"""


def test_a_ctrl_c_in_the_middle_of_a_switch_loses_no_request_and_is_recorded(project: Project) -> None:
    project.ok("deploy")
    project.set({"services.version": "2.0.0"})
    argv = (sys.executable, "-c", STOPPED_IN_VERIFY)
    env = {**os.environ, "SWIFTDEPLOY_FAILPOINT": "any:one", "SWIFTDEPLOY_ENGINE": ""}
    done = subprocess.run(argv, cwd=project.root, env=env, capture_output=True, text=True, timeout=60, check=False)
    answers = [project.ask()[0] for _ in range(50)]
    assert done.returncode == 130
    assert journal.unfinished(reversed(project.journal())) is None
    assert set(answers) == {200}


def test_ctrl_c_ends_following_a_log(project: Project) -> None:
    project.ok("deploy")
    argv = (sys.executable, "-m", "swiftdeploy", "logs", "stable", "--follow")
    with subprocess.Popen(argv, cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        seen = psutil.Process(running.pid)
        until = time.monotonic() + 30
        while not any(one.path.endswith("stable-1.log") for one in seen.open_files()) and time.monotonic() < until:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 0


def test_a_rollback_never_leads_to_a_dead_stable_instance(project: Project) -> None:
    project.set({"services.restart_policy": "no"})
    project.ok("deploy")
    project.ok("promote", "canary")
    project.ok("chaos", "down", "--on", "stable")
    project.ok("rollback")
    assert {project.ask()[0] for _ in range(10)} == {200}


def test_a_torn_journal_is_repaired_and_that_is_said(project: Project) -> None:
    project.ok("deploy")
    with (project.root / "history.jsonl").open("a") as journal_file:
        journal_file.write('{"seq":99,"timest')
    assert "torn last line" in project.ok("deploy").err
    project.ok("audit", "--verify")


def test_verifying_no_journal_is_an_error_and_no_proof(tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "swiftdeploy", "audit", "--verify")
    assert subprocess.run(argv, cwd=tmp_path, capture_output=True, timeout=60, check=False).returncode == 2


def test_an_override_needs_a_reason(project: Project) -> None:
    done = project.run("deploy", "--override", " ")
    assert (done.status, "give the reason" in done.err) == (2, True)


def test_a_denied_command_tells_programs_why(project: Project) -> None:
    data = project.root / "policies" / "data.json"
    data.write_text(data.read_text().replace('"min_disk_free_gb": 10.0', '"min_disk_free_gb": 1000000.0'))
    answer = project.run("deploy", "--json").json
    assert (answer["exit"], answer["gate"]) == (10, "infrastructure")
    assert "disk_free_gb" in str(answer["reasons"])


def test_policies_that_do_not_compile_cannot_be_tested(project: Project) -> None:
    (project.root / "policies" / "canary.rego").write_text("package swiftdeploy.canary\n\nallow if {\n")
    done = project.run("policy", "test")
    assert done.status == 2
    assert 1 <= done.err.count("canary.rego:") <= 2  # not once for each test


def test_a_killed_supervisor_costs_no_verdict(project: Project) -> None:
    project.ok("deploy")
    project.ok("promote", "canary")
    pid = int((project.root / ".swiftdeploy" / "local" / "supervisord.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    project.ok("promote", "canary")
    assert project.ask()[0] == 200


def test_validate_finds_a_command_that_does_not_exist(project: Project) -> None:
    project.set({"services.command": ["/no/such/program"]})
    done = project.run("validate")
    assert (done.status, "/no/such/program" in done.out) == (1, True)

"""Programs run by argv."""

from __future__ import annotations

import sys
import time

import psutil
import pytest

from swiftdeploy.edge.shell import Shell
from swiftdeploy.model.errors import EnvironmentMissing


def test_a_program_gives_its_exit_and_both_outputs(tmp_path):
    code = "import sys, os; print(os.getcwd()); print('oops', file=sys.stderr); sys.exit(7)"
    ran = Shell().run((sys.executable, "-c", code), str(tmp_path), 20)
    assert (ran.exit, ran.stdout, ran.stderr) == (7, f"{tmp_path}\n", "oops\n")


def test_words_are_not_read_by_a_shell(tmp_path):
    ran = Shell().run((sys.executable, "-c", "import sys; print(sys.argv[1])", "$HOME; *"), str(tmp_path), 20)
    assert ran.stdout == "$HOME; *\n"


def test_a_program_of_the_folder_is_found_by_its_path(tmp_path):
    script = tmp_path / "check.sh"
    script.write_text("#!/bin/sh\necho checked\n")
    script.chmod(0o755)
    assert Shell().run(("./check.sh",), str(tmp_path), 20).stdout == "checked\n"


def test_programs_beside_this_python_are_found_first(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    ran = Shell().run(("pytest", "--version"), str(tmp_path), 30)
    assert ran.exit == 0


@pytest.mark.parametrize("program", ["no-such-program", "./no-such-program", "a\0b"])
def test_a_missing_program_is_named(tmp_path, program):
    with pytest.raises(EnvironmentMissing, match="cannot be run"):
        Shell().run((program,), str(tmp_path), 5)


def test_a_program_that_runs_too_long_is_ended_with_all_it_started(tmp_path):
    code = "import subprocess, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"
    ran = Shell().run((sys.executable, "-c", code), str(tmp_path), 1.0)
    assert ran.exit is None
    child = int(ran.stdout)
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the grandchild lives on"
        time.sleep(0.02)

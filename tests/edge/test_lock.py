"""The command lock between real processes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from swiftdeploy.edge.lock import CommandLock, Holder, holder
from swiftdeploy.model.errors import Busy, EnvironmentMissing

OTHER = """
import sys
import time
from pathlib import Path
from swiftdeploy.edge.lock import CommandLock
with CommandLock(Path(sys.argv[1]))("deploy"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".swiftdeploy" / "lock"


@contextmanager
def held_by_another(path: Path) -> Iterator[subprocess.Popen[str]]:
    argv = (sys.executable, "-c", OTHER, str(path))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_another_command_is_refused_with_pid_verb_and_age(path):
    with held_by_another(path) as other:
        with (
            pytest.raises(Busy, match=rf"pid {other.pid} is running 'deploy' since \d+ s"),
            CommandLock(path)("promote"),
        ):
            pytest.fail("two commands at once")
        found = holder(path)
        assert found
        assert (found.pid, found.verb) == (other.pid, "deploy")


def test_a_killed_holder_holds_nothing_although_its_words_stay(path):
    with held_by_another(path) as other:
        other.kill()
        other.wait()
        assert json.loads(path.read_text())["pid"] == other.pid
        assert holder(path) is None
        with CommandLock(path)("promote"):
            assert holder(path)


def test_the_lock_is_free_again_after_the_block_also_after_an_error(path):
    lock = CommandLock(path)
    with pytest.raises(KeyError), lock("deploy"):
        raise KeyError
    assert holder(path) is None
    with lock("deploy"), pytest.raises(Busy), lock("deploy"):
        pytest.fail("two commands at once")


def test_nobody_holds_a_lock_that_was_never_taken(path):
    assert holder(path) is None
    assert not path.exists()


def test_a_state_folder_removed_while_the_lock_is_held_takes_it_along(path):
    with CommandLock(path)("teardown"):
        shutil.rmtree(path.parent)
    with CommandLock(path)("deploy"):
        assert holder(path)


def test_a_holder_that_has_not_said_who_it_is_is_another_command(path):
    with CommandLock(path)("deploy"):
        path.write_text("{")
        assert holder(path) == Holder(0, "", 0.0)
        with pytest.raises(Busy, match="another command is running"), CommandLock(path)("deploy"):
            pytest.fail("two commands at once")


def test_a_lock_that_cannot_be_made_says_why(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentMissing, match="cannot be opened"), CommandLock(tmp_path / "file" / "lock")("deploy"):
        pytest.fail("no lock")


def test_what_a_killed_command_started_is_waited_for(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time; from pathlib import Path; from swiftdeploy.edge.lock import CommandLock\n"
        "with CommandLock(Path(sys.argv[1]))('deploy'):\n"
        "    subprocess.Popen(('sleep', '1'), close_fds=False)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run((sys.executable, "-c", code, str(tmp_path / "lock")), check=False)
    began = time.monotonic()
    with CommandLock(tmp_path / "lock")("rollback"):
        assert time.monotonic() - began > 0.3

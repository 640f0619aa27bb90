"""This machine through testinfra, asked about processes of our own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys

import pytest

from swiftdeploy.edge.inspect import Machine
from swiftdeploy.model.errors import EnvironmentMissing

SERVER = """
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["whole machine", "slim machine"])
def inspect(request, monkeypatch, tmp_path):
    """A slim machine has a shell, and neither ps nor ss."""
    if request.param == "slim machine":
        for name in ("sh", "env", "uname", "cat", "stat", "ls"):
            (tmp_path / name).symlink_to(shutil.which(name))
        monkeypatch.setenv("PATH", str(tmp_path))
    return Machine()


@pytest.fixture
def server():
    child = subprocess.Popen((sys.executable, "-c", SERVER), stdout=subprocess.PIPE, text=True, env={"MODE": "canary"})
    yield child.pid, int(child.stdout.readline())
    child.kill()
    child.wait()
    child.stdout.close()


def test_a_process_tells_its_sockets_and_environment(inspect, server):
    pid, port = server
    assert inspect.sockets(pid) == (f"127.0.0.1:{port}",)
    assert inspect.environment(pid)["MODE"] == "canary"


def test_a_process_tells_its_user_and_command(inspect, server):
    pid, _ = server
    assert inspect.user(pid) == getpass.getuser()
    assert any(name.startswith("python") for name in inspect.commands(pid))


def test_a_listener_is_seen_while_it_listens(inspect):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert inspect.listens(f"tcp://127.0.0.1:{port}")
    assert not inspect.listens(f"tcp://127.0.0.1:{port}")


def test_a_file_tells_kind_mode_user_and_content(inspect, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("hello")
    path.chmod(0o640)
    found = inspect.file(str(path))
    assert (found.kind, found.mode, found.user, found.size) == ("file", "0640", getpass.getuser(), 5)
    assert found.content == "hello"
    assert inspect.file(str(tmp_path)).kind == "directory"
    assert inspect.file(str(tmp_path / "gone")).kind == ""


def test_a_process_that_is_gone_is_a_plain_error(inspect):
    child = subprocess.Popen((sys.executable, "-c", ""))
    child.wait()
    with pytest.raises(EnvironmentMissing, match="cannot be looked at"):
        inspect.sockets(child.pid)
    assert os.getpid() != child.pid


def test_who_listens_everywhere_listens_on_each_address(inspect):
    with socket.create_server(("0.0.0.0", 0)) as one:
        assert inspect.listens(f"tcp://127.0.0.1:{one.getsockname()[1]}")

"""An OPA server as a part of the stack, where there is an `opa` binary; else a stand-in that answers /health."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.machine import ask
from swiftdeploy.model.decision import PolicySet
from swiftdeploy.model.errors import EnvironmentMissing

Make = Callable[..., Any]
NOTHING = PolicySet({}, "sha256:0", False)
STAND_IN = """#!{python} -S
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
host, port = sys.argv[sys.argv.index("--addr") + 1].split(":")
HTTPServer((host, int(port)), Handler).serve_forever()
"""


@pytest.fixture(params=["opa", "stand-in"])
def opa(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "opa":
        return str(request.getfixturevalue("opa_binary"))
    path = tmp_path / "opa"
    path.write_text(STAND_IN.format(python=sys.executable))
    path.chmod(0o700)
    return str(path)


def test_a_judge_answers_comes_back_when_killed_and_ends_with_the_stack(make_stack: Make, opa: str) -> None:
    stack = make_stack(opa=opa)
    stack.deploy()
    assert [one.state for one in stack.engine.parts(stack.state) if one.name == "judge"] == ["stopped"]
    stack.engine.start_judge(stack.settings, NOTHING)
    assert _health(stack) == 200
    judge = stack.part("judge")
    stack.reopened().start_judge(stack.settings, NOTHING)
    assert stack.part("judge") == judge
    stack.engine.kill("judge")
    stack.wait_until_up("judge", not_pid=judge.pid)
    stack.wait(lambda: _health(stack) != 200)
    stack.engine.close(False)
    assert stack.left() == []


def test_a_taken_port_of_the_judge_is_refused(make_stack: Make, opa: str) -> None:
    stack = make_stack(opa=opa)
    with (
        socket.create_server(("127.0.0.1", stack.opa_port)),
        pytest.raises(EnvironmentMissing, match=f"port {stack.opa_port} is taken by pid"),
    ):
        stack.open()


def test_without_a_binary_there_is_no_judge_to_start(stack: Any) -> None:
    stack.deploy()
    stack.engine.start_judge(stack.settings, NOTHING)
    assert "judge" not in [one.name for one in stack.engine.parts(stack.state)]


def _health(stack: Any) -> int:
    try:
        return ask.get(f"127.0.0.1:{stack.opa_port}", "/health", 1.0)[0]
    except OSError:
        return 0

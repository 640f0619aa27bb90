"""A leashed stack does not outlive its owner, however that one dies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from swiftdeploy.engines.local import processes
from swiftdeploy.machine import ports

Make = Callable[..., Any]


@pytest.fixture
def owner() -> Any:
    process = subprocess.Popen((sys.executable, "-S", "-c", "import time; time.sleep(1000)"))
    yield process
    process.kill()
    process.wait()


def test_everything_is_gone_soon_after_the_owner_was_killed(make_stack: Make, owner: Any) -> None:
    stack = make_stack(leash=(owner.pid, psutil.Process(owner.pid).create_time()))
    one = stack.deploy()
    port = int(stack.engine.address(one).rpartition(":")[2])
    stack.wait_until_up("stable-1")
    owner.kill()
    owner.wait()
    stack.wait(stack.left, 10.0)
    assert ports.free("127.0.0.1", port)


def test_while_its_owner_lives_a_leashed_stack_serves_and_can_be_closed(make_stack: Make, owner: Any) -> None:
    stack = make_stack(leash=(owner.pid, psutil.Process(owner.pid).create_time()))
    stack.deploy()
    assert any("local.leash" in " ".join(one.cmdline()) for one in processes.marked(stack.places))
    assert stack.get()[0] == 200
    stack.engine.close(False)
    assert stack.left() == []


def test_a_leash_whose_owner_is_another_process_with_its_pid_ends_the_stack(make_stack: Make, owner: Any) -> None:
    stack = make_stack(leash=(owner.pid, psutil.Process(owner.pid).create_time() - 100))
    stack.open()
    stack.wait(stack.left, 10.0)

"""Parts of the stack are killed, hung or torn, and calling the engine again puts them right."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest

from swiftdeploy.engines.local import processes
from swiftdeploy.machine import owners
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import State

Make = Callable[..., Any]
EXITS = ["{python}", "-S", "-c", "import sys, time; print('no luck', flush=True); time.sleep(.05); sys.exit(3)"]


def test_without_restarts_a_killed_instance_has_ended_and_starting_it_again_repairs(make_stack: Make) -> None:
    stack = make_stack(services={"restart_policy": "no"})
    one = stack.deploy()
    stack.engine.kill(one.id)
    stack.wait(lambda: stack.engine.ended(one) is None)
    assert stack.engine.ended(one) == "it was ended by a signal"
    assert [part.state for part in stack.engine.parts(stack.state)] == ["stopped", "running"]
    assert stack.engine.running() == (one.id,)
    stack.engine.start(one, stack.manifest)
    stack.ready(one)
    stack.engine.route(stack.state)
    stack.wait(lambda: stack.engine.unrouted(stack.state))
    assert stack.get()[0] == 200


@pytest.mark.parametrize(
    ("policy", "code", "ends"),
    [
        ("no", 3, True),
        ("on-failure", 0, True),
        ("on-failure", 3, False),
        ("always", 0, False),
        ("unless-stopped", 3, False),
    ],
)
def test_restart_policies_are_those_of_compose(make_stack: Make, policy: str, code: int, ends: bool) -> None:
    script = (
        "import os, sys, time, pathlib; mark = pathlib.Path('begun'); again = mark.exists(); mark.touch();"
        f"time.sleep(1000) if again else sys.exit({code})"
    )
    stack = make_stack(services={"restart_policy": policy, "command": ["{python}", "-S", "-c", script]})
    stack.open()
    one = stack.begin()
    stack.state = State("local", 1, (one,), 0, stack.settings)
    if ends:
        stack.wait(lambda: stack.engine.ended(one) is None)
        assert stack.engine.ended(one) == f"exited with status {code}"
    else:
        first = stack.part(one.id).pid
        stack.wait_until_up(one.id, not_pid=first)
        assert stack.engine.ended(one) is None


def test_an_instance_that_keeps_ending_is_given_up_with_its_last_words(make_stack: Make) -> None:
    stack = make_stack(services={"command": EXITS})
    stack.open()
    one = stack.begin()
    stack.wait(lambda: stack.engine.ended(one) is None)
    assert stack.engine.ended(one) == "it has ended 5 times already, the last time with exit status 3"
    assert stack.engine.log_tail(one.id, 1) == ("no luck",)


def test_an_instance_that_a_signal_keeps_ending_is_given_up_with_its_name(make_stack: Make) -> None:
    script = "import os, time; time.sleep(.05); os.kill(os.getpid(), 11)"
    stack = make_stack(services={"command": ["{python}", "-S", "-c", script]})
    stack.open()
    one = stack.begin()
    stack.wait(lambda: stack.engine.ended(one) is None)
    assert stack.engine.ended(one) == "it has ended 5 times already, the last time with SIGSEGV"


def test_after_supervisord_was_killed_open_brings_everything_back(stack: Any) -> None:
    one = stack.deploy()
    stack.supervisord().send_signal(signal.SIGKILL)
    stack.wait(lambda: [part for part in stack.engine.parts(stack.state) if part.state == "running"])
    assert "supervisor is gone" in (stack.engine.ended(one) or "")
    again = stack.reopened()
    again.open(stack.settings)
    again.start(one, stack.manifest)
    stack.ready(one)
    again.route(stack.state)
    stack.wait(lambda: again.unrouted(stack.state))
    assert stack.get()[0] == 200
    assert [part.state for part in again.parts(stack.state)] == ["running", "running"]
    marks = [found.environ().get("SWIFTDEPLOY_INSTANCE") for found in processes.marked(stack.places)]
    assert marks.count(one.id) == 1


def test_a_hung_supervisord_is_replaced(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftdeploy.engines.local.pulse.SECONDS", 0.3)
    one = stack.deploy()
    hung = stack.supervisord()
    hung.suspend()
    stack.open()
    assert not owners.lives(hung)
    stack.ready(one)
    stack.engine.route(stack.state)
    stack.wait(lambda: stack.engine.unrouted(stack.state))
    assert stack.get()[0] == 200


def test_a_hung_supervisord_costs_one_time_out_and_not_one_a_question(
    stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from swiftdeploy.engines.local import rpc

    stack.deploy()
    stack.engine.parts(stack.state)
    stack.supervisord().suspend()
    monkeypatch.setattr("swiftdeploy.engines.local.supervisor.SILENCE_SECONDS", 0.2)
    stack.engine = stack.reopened()
    monkeypatch.setattr(rpc, "SECONDS", 0.3)
    assert {one.state for one in stack.engine.parts(stack.state)} == {"stopped"}
    monkeypatch.setattr(rpc.Rpc, "call", lambda *_, **__: pytest.fail("asked again"))
    assert {one.state for one in stack.engine.parts(stack.state)} == {"stopped"}


def test_a_suspended_instance_is_not_waited_for_and_ends_by_itself(stack: Any) -> None:
    stable = stack.deploy()
    canary = stack.new("canary")
    stack.route(50, stable, canary)
    stack.part(canary.id).suspend()
    stack.route(0, stable)
    stack.wait(lambda: stack.engine.busy([canary.id]), 10.0)  # its drain_timeout is 30 s
    stack.engine.stop(canary.id, 10.0)
    log = (stack.places.local / "supervisord.log").read_text()
    assert f"stopped: {canary.id} (exit status 0)" in log


@pytest.mark.parametrize(("clients", "waits"), [(0, False), (1, True)])
def test_an_instance_that_hangs_is_waited_for_only_while_somebody_does(
    make_stack: Make, clients: int, waits: bool
) -> None:
    script = (
        "import os, socket, time; one = socket.create_server(('127.0.0.1', int(os.environ['APP_PORT'])));"
        "print('deaf', flush=True); time.sleep(1000)"
    )
    stack = make_stack(services={"command": ["{python}", "-S", "-c", script]})
    stack.open()
    one = stack.begin()
    stack.wait(lambda: stack.engine.log_tail(one.id, 1) != ("deaf",))
    host, port = stack.engine.address(one).split(":")
    held = [socket.create_connection((host, int(port))) for _ in range(clients)]
    stack.wait(lambda: "old connections" in (stack.engine.busy([one.id]) or ""))
    assert ("does not answer" in (stack.engine.busy([one.id]) or "")) == waits
    for connection in held:
        connection.close()
    stack.wait(lambda: stack.engine.busy([one.id]))


@pytest.mark.parametrize("hurt", ["killed", "hung"])
def test_close_works_without_a_supervisord(stack: Any, hurt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftdeploy.engines.local.rpc.SECONDS", 0.3)
    stack.deploy()
    stack.supervisord().send_signal(signal.SIGKILL if hurt == "killed" else signal.SIGSTOP)
    stack.engine.close(False)
    assert stack.left() == []


@pytest.mark.parametrize("name", ["run", "supervisord.pid", "programs/stable-1.json", "proxy/routed.json"])
def test_close_works_with_torn_state_files(stack: Any, name: str) -> None:
    stack.deploy()
    (stack.places.local / name).write_bytes(b'\xff{"na')
    stack.reopened().close(False)
    assert stack.left() == []


def test_stop_works_without_a_supervisord(stack: Any) -> None:
    stable = stack.deploy()
    canary = stack.new("canary")
    stack.supervisord().send_signal(signal.SIGKILL)
    stack.engine.stop(canary.id, 2.0)
    assert processes.marked(stack.places, canary.id) == ()
    assert len(processes.marked(stack.places, stable.id)) == 1
    assert stack.engine.running() == (stable.id,)


def test_killing_what_does_not_run_is_refused(stack: Any) -> None:
    stack.open()
    with pytest.raises(EnvironmentMissing, match="canary-1 does not run"):
        stack.engine.kill("canary-1")

"""The local engine from the first start to the last stop, with real processes and a real nginx."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from swiftdeploy.edge import bundled
from swiftdeploy.engines.local import processes
from swiftdeploy.engines.local.engine import Local
from swiftdeploy.flow.world import Engine
from swiftdeploy.machine import ask
from swiftdeploy.model.errors import EnvironmentMissing, Unreadable
from swiftdeploy.model.state import State

Make = Callable[..., Any]
SAMPLE_APP = bundled.folder("app") / "main.py"


def test_it_fulfils_the_engine_protocol(stack: Any) -> None:
    engine: Engine = stack.engine
    assert engine.name == "local"


def test_a_deployed_instance_serves_behind_the_proxy(stack: Any) -> None:
    stack.deploy()
    status, text = stack.get("/healthz")
    assert (status, '"status": "ok"' in text) == (200, True)
    assert [(one.name, one.state) for one in stack.engine.parts(stack.state)] == [
        ("stable-1", "running"),
        ("proxy", "running"),
    ]


def test_a_canary_gets_its_share_and_a_dropped_one_nothing(stack: Any) -> None:
    stable = stack.deploy()
    canary = stack.new("canary")
    stack.route(30, stable, canary)
    seen = Counter("canary" if '"mode": "canary"' in stack.get()[1] else "stable" for _ in range(400))
    assert 60 <= seen["canary"] <= 180  # 120 expected, 6.5 standard deviations
    stack.route(0, stable)
    stack.drop(canary.id)
    assert all('"mode": "stable"' in stack.get()[1] for _ in range(50))
    assert stack.engine.running() == (stable.id,)


def test_the_admin_listener_reaches_each_instance(stack: Any) -> None:
    stable = stack.deploy()
    canary = stack.new("canary")
    stack.route(1, stable, canary)
    for one in (stable, canary):
        text = ask.get(f"127.0.0.1:{stack.admin_port}", f"/instances/{one.id}/healthz", 2.0)[1]
        assert f'"mode": "{one.track}"' in text


def test_an_instance_gets_exactly_the_environment_it_is_due(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "x")
    odd = {"PERCENT": "100%s %(here)s", "SEMICOLON": "a ;b", "LINES": "a\n[program:evil]\ncommand=/bin/false"}
    stack.services = {"env": odd, "version": "2.0.0"}
    one = stack.deploy()
    env = stack.part(one.id).environ()
    assert {name: env[name] for name in odd} == odd
    port = stack.engine.address(one).rpartition(":")[2]
    ours = {"MODE": "stable", "APP_VERSION": "2.0.0", "APP_PORT": port, "APP_HOST": "127.0.0.1"}
    assert {name: env[name] for name in ours} == ours
    assert "SECRET_OF_THE_SHELL" not in env
    assert env["SWIFTDEPLOY_ROOT"] == str(stack.root.resolve())
    assert stack.part(one.id).cwd() == str(stack.root.resolve())


@pytest.mark.parametrize(
    "name",
    ["with blank", 'it\'s "quoted"', "é-ü-漢", "100%s", "a ;b", "new\nline", "$HOME", "x" * 120 + "/" + "y" * 120],
)
def test_a_project_may_live_in_an_odd_folder(make_stack: Make, name: str) -> None:
    stack = make_stack(name)
    stack.deploy()
    assert stack.get()[0] == 200
    assert stack.engine.test_proxy(stack.manifest) is None


def test_two_projects_run_side_by_side_and_one_ends_alone(make_stack: Make) -> None:
    one, other = make_stack("one"), make_stack("other")
    one.deploy()
    other.deploy()
    assert one.engine.address(one.state.stable) != other.engine.address(other.state.stable)
    one.engine.close(True)
    assert one.left() == []
    assert other.get()[0] == 200


def test_starting_what_runs_changes_nothing(stack: Any) -> None:
    one = stack.deploy()
    before = stack.part(one.id), stack.part("proxy"), stack.supervisord()
    again = stack.reopened()
    again.open(stack.settings)
    again.start(one, stack.manifest)
    again.route(stack.state)
    assert again.unrouted(stack.state) is None
    assert (stack.part(one.id), stack.part("proxy"), stack.supervisord()) == before


def test_routes_of_another_generation_are_not_in_force(stack: Any) -> None:
    stack.deploy()
    later = replace(stack.state, generation=stack.state.generation + 1)
    assert "were not written" in (stack.engine.unrouted(later) or "")


def test_routes_that_nginx_refuses_leave_the_old_ones_in_force(stack: Any) -> None:
    stack.deploy()
    broken = {name: text + "nonsense;\n" for name, text in stack.templates.items()}
    bad = Local(stack.root, lambda: broken, None)
    later = replace(stack.state, generation=stack.state.generation + 1)
    with pytest.raises(Unreadable, match=r"so the old routes stay: .*nonsense.* in the rendered routing\.conf:"):
        bad.route(later)
    assert stack.engine.unrouted(stack.state) is None
    assert stack.get()[0] == 200
    assert "nonsense" in (bad.test_proxy(stack.manifest) or "")


def test_a_refused_first_config_speaks_of_no_old_routes(stack: Any) -> None:
    broken = {name: text + "nonsense;\n" for name, text in stack.templates.items()}
    stack.engine = Local(stack.root, lambda: broken, SAMPLE_APP)
    stack.open()
    one = stack.new()
    with pytest.raises(Unreadable, match="nonsense") as caught:
        stack.engine.route(State("local", 1, (one,), 0, stack.settings))
    assert "old routes" not in str(caught.value)


def test_a_changed_port_is_taken_over_by_a_reload(stack: Any) -> None:
    one = stack.deploy()
    master = stack.part("proxy")
    old = stack.port
    stack.port = stack.fresh_port()
    stack.open()
    stack.route(0, one)
    assert stack.get()[0] == 200
    assert stack.part("proxy") == master
    with pytest.raises(ConnectionRefusedError):
        ask.get(f"127.0.0.1:{old}", "/", 1.0)


def test_a_taken_port_is_refused_with_its_holder(stack: Any) -> None:
    with socket.create_server(("127.0.0.1", stack.port)):
        with pytest.raises(EnvironmentMissing, match=rf"port {stack.port} is taken by pid {os.getpid()} \(.+\)"):
            stack.open()
        assert str(os.getpid()) in (stack.engine.port_holder(stack.port) or "")
    assert stack.engine.running() == ()


def test_the_projects_own_port_has_no_holder(stack: Any) -> None:
    stack.deploy()
    assert stack.engine.port_holder(stack.port) is None


def test_a_missing_command_is_named(stack: Any) -> None:
    stack.services = {"command": ["no-such-program", "{port}"]}
    stack.open()
    with pytest.raises(EnvironmentMissing, match="no-such-program"):
        stack.begin()
    assert stack.engine.running() == ()


def test_stop_ends_the_whole_group_of_an_instance(stack: Any) -> None:
    script = "import subprocess, time; subprocess.Popen(['sleep', '1000']); time.sleep(1000)"
    stack.services = {"command": ["{python}", "-S", "-c", script]}
    stack.open()
    one = stack.begin()
    stack.state = State("local", 1, (one,), 0, stack.settings)
    stack.wait(lambda: len(processes.marked(stack.places, one.id)) != 2)
    stack.engine.stop(one.id, 5.0)
    assert processes.marked(stack.places, one.id) == ()


def test_an_instance_that_ignores_sigterm_is_killed_after_its_grace(stack: Any) -> None:
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(1000)"
    stack.services = {"command": ["{python}", "-S", "-c", script]}
    stack.open()
    one = stack.begin()
    stack.wait(lambda: stack.engine.log_tail(one.id, 1) != ("deaf",))
    stack.engine.stop(one.id, 0.2)
    assert stack.engine.running() == ()


def test_stopping_what_does_not_run_is_fine(stack: Any) -> None:
    stack.engine.stop("canary-7", 1.0)
    stack.open()
    stack.engine.stop("canary-7", 1.0)


def test_close_twice_and_without_a_stack_is_fine(stack: Any) -> None:
    stack.engine.close(False)
    stack.deploy()
    stack.engine.close(False)
    assert stack.left() == []
    assert stack.engine.log_tail("stable-1", 5) != ()
    stack.engine.close(True)
    assert not (stack.places.local).exists()


def test_an_instance_stopped_in_its_first_moment_needs_no_sigkill(stack: Any) -> None:
    stack.open()
    for generation in range(8):  # a lost SIGTERM is a race: two of three are lost without care
        stack.state = replace(stack.state, generation=generation)
        stack.engine.stop(stack.begin().id, 2.0)
    log = (stack.places.local / "supervisord.log").read_text()
    assert log.count("terminated by SIGTERM") + log.count("exit status 0") == 8
    assert "SIGKILL" not in log


def test_an_id_that_was_undone_begins_with_an_empty_log(stack: Any) -> None:
    stack.open()
    stack.services = {"command": ["{python}", "-S", "-c", "import time; print('old', flush=True); time.sleep(1000)"]}
    one = stack.begin()
    stack.wait(lambda: stack.engine.log_tail(one.id, 9) != ("old",))
    stack.engine.stop(one.id, 1.0)
    assert stack.engine.log_tail(one.id, 9) == ("old",)
    stack.services = {"command": ["{python}", "-S", "-c", "import time; print('new', flush=True); time.sleep(1000)"]}
    one = stack.begin()
    stack.wait(lambda: "new" not in stack.engine.log_tail(one.id, 9))
    assert stack.engine.log_tail(one.id, 9) == ("new",)


def test_a_repaired_instance_goes_on_with_its_log(make_stack: Make) -> None:
    script = "import time; print('began', flush=True); time.sleep(1000)"
    stack = make_stack(services={"restart_policy": "no", "command": ["{python}", "-S", "-c", script]})
    stack.open()
    one = stack.begin()
    stack.wait(lambda: stack.engine.log_tail(one.id, 9) != ("began",))
    stack.engine.kill(one.id)
    stack.wait(lambda: stack.engine.ended(one) is None)
    stack.engine.start(one, stack.manifest)
    stack.wait(lambda: stack.engine.log_tail(one.id, 9) != ("began", "began"))

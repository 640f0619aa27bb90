"""The local engine from the first start to the last stop, with real processes and a real nginx."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from stack import wait

from swiftdeploy.edge import bundled
from swiftdeploy.engines.local import processes
from swiftdeploy.machine import ask
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import State

Make = Callable[..., Any]
SAMPLE_APP = bundled.folder("app") / "main.py"


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


WRITES = f"""
import os, runpy, sys
open(os.path.join(sys.argv[1], "life"), "x").close()
runpy.run_path({str(SAMPLE_APP)!r}, run_name="__main__")
"""


def test_a_folder_of_its_own_is_empty_at_each_start_and_goes_with_the_instance(stack: Any) -> None:
    stack.services = {"command": ["{python}", "-c", WRITES, "{state}"]}
    one = stack.deploy()
    folder = stack.places.state_of(one.id)
    assert [path.name for path in folder.iterdir()] == ["life"]
    first = stack.part(one.id).pid
    stack.engine.kill(one.id)  # started again, it could not make its file in a folder that has it
    stack.wait_until_up(one.id, not_pid=first)
    wait(lambda: None if stack.get("/healthz")[0] == 200 else "no answer")
    assert folder.stat().st_mode & 0o777 == 0o700
    stack.drop(one.id)
    assert not folder.exists()


def test_teardown_removes_the_folders_of_instances(stack: Any) -> None:
    stack.services = {"env": {"FOLDER": "{state}"}}
    one = stack.deploy()
    assert stack.part(one.id).environ()["FOLDER"] == str(stack.places.state_of(one.id))
    assert stack.places.state_of(one.id).is_dir()
    stack.engine.close(False)
    assert not stack.places.states.exists()


def test_an_instance_that_asks_for_no_folder_has_none(stack: Any) -> None:
    assert not stack.places.state_of(stack.deploy().id).exists()


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

"""What every engine means alike, played for real on each of them."""

from __future__ import annotations

import itertools
import os
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from stack import Stack, engine

from swiftdeploy.machine import ask
from swiftdeploy.model.errors import EnvironmentMissing, Unreadable
from swiftdeploy.model.state import State

Make = Callable[..., Stack]
ODD = {
    "PERCENT": "100%s %(here)s",
    "SEMICOLON": "a ;b",
    "LINES": "a\n[program:evil]\ncommand=/bin/false\n",
    "DOLLARS": "$HOME ${HOME} $$ ${X:-y} $",
    "QUOTES": """it's "quoted" `by` \\ back\\nslash""",
    "UNICODE": "é-漢-\U0001f600",
    "EMPTY": "",
    "YAML": "{a: [b]} # c",
}
DEAF = """
import signal, time
signal.signal(15, signal.SIG_IGN)
while True:
    print("deaf", flush=True)
    time.sleep(.1)
"""
EXITS = "import sys, time; print('no luck', flush=True); time.sleep(.05); sys.exit(3)"


def names(stack: Stack) -> list[str]:
    """Parts that run; the judge is started by the verbs, and only on some engines."""
    return [one.name for one in stack.engine.parts(stack.state) if one.state == "running" and one.name != "judge"]


def test_it_fulfils_the_engine_protocol(either: Stack) -> None:
    assert engine(either).name == either.on


def test_a_deployed_instance_serves_and_is_reached_by_itself(either: Stack) -> None:
    one = either.deploy()
    status, text = either.get("/healthz")
    assert (status, '"status": "ok"' in text) == (200, True)
    assert names(either) == ["stable-1", "proxy"]
    assert '"mode": "stable"' in either.ask(one)[1]
    assert '"mode": "stable"' in ask.get(f"127.0.0.1:{either.admin_port}", f"/instances/{one.id}/healthz", 2.0)[1]
    assert ask.get(f"127.0.0.1:{either.admin_port}", "/generation", 2.0) == (200, "1")
    assert either.engine.port_holder(either.port) is None  # it is the project's own
    assert either.engine.ended(one) is None
    assert either.engine.is_open()


def test_a_canary_gets_its_share_and_a_dropped_one_nothing(either: Stack) -> None:
    stable = either.deploy()
    canary = either.new("canary")
    assert all('"mode": "stable"' in either.get()[1] for _ in range(20))  # it is there, and has no traffic yet
    either.route(30, stable, canary)
    seen = Counter("canary" if '"mode": "canary"' in either.get()[1] else "stable" for _ in range(400))
    assert 60 <= seen["canary"] <= 180  # 120 expected, 6.5 standard deviations
    for one in (stable, canary):
        text = ask.get(f"127.0.0.1:{either.admin_port}", f"/instances/{one.id}/healthz", 2.0)[1]
        assert f'"mode": "{one.track}"' in text
    either.route(0, stable)
    either.drop(canary.id)
    assert all('"mode": "stable"' in either.get()[1] for _ in range(50))
    assert either.engine.running() == (stable.id,)
    assert either.engine.ended(canary) is not None


def test_an_instance_gets_exactly_the_environment_it_is_due(either: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "x")
    either.services = {"env": ODD, "version": "2.0.0"}
    one = either.deploy()
    env = either.environment(one)
    assert {name: env[name] for name in ODD} == ODD
    ours = {"MODE": "stable", "APP_VERSION": "2.0.0", "APP_INSTANCE": one.id}
    assert {name: env[name] for name in ours} == ours
    assert env["APP_PORT"].isdigit()
    assert "SECRET_OF_THE_SHELL" not in env


def test_port_name_and_folder_of_an_instance_are_filled_in(either: Stack) -> None:
    either.services = {"env": {"URL": "{instance}:{port}", "FOLDER": "{state}", "JSON": '{"on":{port}} {{port}}'}}
    one = either.deploy()
    env = either.environment(one)
    port = env["APP_PORT"]
    assert env["PORT"] == port
    assert env["URL"] == f"{one.id}:{port}"
    assert env["JSON"] == f'{{"on":{port}}} {{{{port}}}}'
    assert env["FOLDER"].startswith("/")


def test_a_manifest_may_say_another_port_to_the_app(either: Stack) -> None:
    either.services = {"env": {"PORT": "1"}}
    assert either.environment(either.deploy())["PORT"] == "1"


def test_starting_what_runs_changes_nothing(either: Stack) -> None:
    one = either.deploy()
    before = either.engine.parts(either.state)
    again = either.reopened()
    again.open(either.settings)
    again.start(one, either.manifest)
    again.route(either.state)
    assert again.unrouted(either.state) is None
    assert again.parts(either.state) == before


def test_routes_of_another_generation_are_not_in_force(either: Stack) -> None:
    either.deploy()
    later = replace(either.state, generation=either.state.generation + 1)
    assert "were not written" in (either.engine.unrouted(later) or "")
    assert either.engine.unrouted(either.state) is None


def test_routes_that_nginx_refuses_leave_the_old_ones_in_force(either: Stack) -> None:
    either.deploy()
    bad = either.reopened({name: text + "nonsense;\n" for name, text in either.templates.items()})
    later = replace(either.state, generation=either.state.generation + 1)
    with pytest.raises(Unreadable, match=r"so the old routes stay: .*nonsense.* in the rendered .*routing\.conf:"):
        bad.route(later)
    assert either.engine.unrouted(either.state) is None
    assert either.get()[0] == 200
    assert "nonsense" in (bad.test_proxy(either.manifest) or "")


def test_a_refused_first_config_speaks_of_no_old_routes(either: Stack) -> None:
    bad = either.reopened({name: text + "nonsense;\n" for name, text in either.templates.items()})
    bad.open(either.settings)
    with pytest.raises(Unreadable, match="nonsense") as caught:
        bad.route(State(either.on, 1, (), 0, either.settings))
    assert "old routes" not in str(caught.value)


def test_a_taken_port_is_refused_with_its_holder(either: Stack) -> None:
    with socket.create_server(("127.0.0.1", either.port)):
        with pytest.raises(EnvironmentMissing, match=rf"port {either.port} is taken by pid {os.getpid()} \(.+\)"):
            either.open()
        assert str(os.getpid()) in (either.engine.port_holder(either.port) or "")
    assert either.engine.running() == ()


def test_a_changed_public_port_is_taken_over(either: Stack) -> None:
    one = either.deploy()
    old = either.port
    either.port = either.fresh_port()
    either.open()
    either.route(0, one)
    assert either.get()[0] == 200
    with pytest.raises(ConnectionRefusedError):
        ask.get(f"127.0.0.1:{old}", "/", 1.0)


def test_an_instance_that_ignores_sigterm_is_followed_and_killed_after_its_grace(either: Stack) -> None:
    either.runs(DEAF)
    either.open()
    one = either.begin()
    either.wait(lambda: either.engine.log_tail(one.id, 1) != ("deaf",))
    assert list(itertools.islice(either.engine.log_follow(one.id), 3)) == ["deaf"] * 3
    either.engine.stop(one.id, 0.2)
    assert either.engine.running() == ()


def test_what_is_not_there_is_stopped_closed_and_read_without_complaint_and_not_killed(either: Stack) -> None:
    either.engine.stop("canary-7", 1.0)
    either.engine.close(False)
    assert not either.engine.is_open()
    assert either.engine.running() == ()
    assert either.engine.log_tail("canary-7", 5) == ()
    assert either.engine.busy([]) is None
    either.open()
    either.engine.stop("canary-7", 1.0)
    with pytest.raises(EnvironmentMissing, match="canary-7 does not run"):
        either.engine.kill("canary-7")


def test_close_twice_leaves_nothing(either: Stack) -> None:
    either.deploy()
    either.engine.close(False)
    either.engine.close(True)
    assert either.left() == []
    assert not either.engine.is_open()


def test_a_killed_instance_comes_back(either: Stack) -> None:
    one = either.deploy()
    address = either.engine.address(one)
    either.engine.kill(one.id)
    either.wait(lambda: either.found(one.id).state != "running")
    either.ready(one)
    assert either.engine.address(one) == address
    either.wait(lambda: either.get()[0] != 200)


def test_without_restarts_a_killed_instance_has_ended_and_starting_it_again_repairs(make_either: Make) -> None:
    stack = make_either(services={"restart_policy": "no"})
    one = stack.deploy()
    stack.engine.kill(one.id)
    stack.wait(lambda: stack.engine.ended(one) is None)
    assert names(stack) == ["proxy"]
    assert stack.engine.running() == (one.id,)
    stack.engine.start(one, stack.manifest)
    stack.ready(one)
    stack.engine.route(stack.state)
    stack.wait(lambda: stack.engine.unrouted(stack.state))
    stack.wait(lambda: stack.get()[0] != 200)


def test_a_killed_proxy_is_started_again_and_takes_new_routes(either: Stack) -> None:
    one = either.deploy()
    either.engine.kill("proxy")
    either.wait(lambda: either.found("proxy").state != "running")
    either.wait(lambda: either.engine.unrouted(either.state))
    assert either.get()[0] == 200
    either.engine.kill("proxy")
    either.route(0, one)
    assert either.get()[0] == 200


def test_an_instance_that_keeps_ending_is_given_up_with_its_last_words(either: Stack) -> None:
    either.runs(EXITS)
    either.open()
    one = either.begin()
    either.wait(lambda: either.engine.ended(one) is None)
    assert "it has ended 5 times already" in (either.engine.ended(one) or "")
    assert "exit status 3" in (either.engine.ended(one) or "").replace("exited with", "exit")
    assert either.engine.log_tail(one.id, 1) == ("no luck",)


@pytest.mark.parametrize(("policy", "code", "ends"), [("no", 3, True), ("on-failure", 0, True), ("always", 0, False)])
def test_restart_policies_are_those_of_compose(either: Stack, policy: str, code: int, ends: bool) -> None:
    either.runs(
        f"import sys, time; print('began', flush=True); time.sleep(.05); sys.exit({code})", restart_policy=policy
    )
    either.open()
    one = either.begin()
    if ends:
        either.wait(lambda: either.engine.ended(one) is None)
        assert either.engine.ended(one) == f"exited with status {code}"
    else:
        either.wait(lambda: either.engine.log_tail(one.id, 2) != ("began", "began"))


def test_the_log_tail_is_the_last_lines_of_both_streams_in_order(either: Stack) -> None:
    either.runs(
        "import sys, time\n"
        "for n in range(30):\n"
        "    print(n, file=sys.stderr if n > 26 and n % 2 else sys.stdout, flush=True)\n"
        "    time.sleep(.3 if n > 25 else 0)\n"  # two streams are read by two readers
        "time.sleep(1000)"
    )
    either.open()
    one = either.begin()
    either.wait(lambda: either.engine.log_tail(one.id, 1) != ("29",))
    assert either.engine.log_tail(one.id, 20) == tuple(map(str, range(10, 30)))


def test_new_routes_start_the_drain_anew(either: Stack) -> None:
    stable = either.deploy()
    one = either.new("canary")
    either.route(50, stable, one)
    either.route(0, stable)
    either.wait(lambda: either.engine.busy([one.id]), 40.0)
    either.route(50, stable, one)
    either.route(0, stable)
    either.drop(one.id)
    assert either.get()[0] == 200
    assert either.engine.running() == (stable.id,)


def test_two_projects_run_side_by_side_and_one_ends_alone(make_either: Make) -> None:
    one, other = make_either("one"), make_either("other")
    one.deploy()
    other.deploy()
    assert one.engine.address(one.state.stable) != other.engine.address(other.state.stable)
    one.engine.close(True)
    assert one.left() == []
    assert other.get()[0] == 200
    assert names(other) == ["stable-1", "proxy"]

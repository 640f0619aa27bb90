"""No request is lost while instances change: fresh, kept and idling connections, GET and POST."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import pytest


def _client() -> Any:
    path = Path(__file__).parents[2] / "benchmarks" / "client.py"
    spec = importlib.util.spec_from_file_location("benchmark_client", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Client


def test_no_request_is_lost_while_canaries_come_and_go(slow: Any) -> None:
    stable = slow.deploy()
    with _client()(slow.port, rps=100, kept=16, idlers=40, slow_path="/?s=0.5") as client:
        time.sleep(2)
        canary = slow.new("canary")
        slow.route(50, stable, canary)
        time.sleep(0.5)
        slow.route(0, stable)
        slow.drop(canary.id)
        successor = slow.new()
        slow.route(0, successor)
        slow.drop(stable.id)
        time.sleep(6.5)  # until every connection that idled has asked again
    assert client.failed == {}
    assert client.ok > 800
    assert client.tracks["canary"] > 0


def test_a_drain_waits_for_requests_in_flight(slow: Any) -> None:
    import threading

    stable = slow.deploy()
    answers: list[tuple[int, str]] = []
    asker = threading.Thread(target=lambda: answers.append(slow.get("/?s=3")))
    asker.start()
    time.sleep(0.3)
    successor = slow.new()
    slow.route(0, successor)
    assert slow.engine.busy([stable.id]) is not None
    slow.drop(stable.id)
    asker.join(10)
    assert answers == [(200, stable.id)]


def test_an_app_without_a_gauge_is_drained_when_old_workers_are_gone(make_stack: Any) -> None:
    stack = make_stack(services={"metrics_path": "/nothing-here"})
    stable = stack.deploy()
    successor = stack.new()
    stack.route(0, successor)
    stack.drop(stable.id)
    assert stack.engine.running() == (successor.id,)
    assert stack.get()[0] == 200


def test_a_dead_instance_is_not_busy(slow: Any) -> None:
    slow.services = {**slow.services, "restart_policy": "no"}
    stable = slow.deploy()
    successor = slow.new()
    slow.route(0, successor)
    slow.engine.kill(stable.id)
    slow.drop(stable.id)
    assert slow.engine.running() == (successor.id,)


def test_nothing_to_drain_is_not_busy(stack: Any) -> None:
    assert stack.engine.busy([]) is None


@pytest.mark.parametrize("number", [1, 2])
def test_new_routes_start_the_drain_anew(slow: Any, number: int) -> None:
    stable = slow.deploy()
    for _ in range(number):
        slow.route(0, stable)
        assert "old connections" in (slow.engine.busy([stable.id]) or "")

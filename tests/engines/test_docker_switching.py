"""No request is lost while containers change: fresh, kept and idling connections, GET and POST."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dockerd
import pytest
from stack import Stack

Make = Callable[..., Stack]
pytestmark = pytest.mark.docker


def _client() -> Any:
    path = Path(__file__).parents[2] / "benchmarks" / "client.py"
    spec = importlib.util.spec_from_file_location("benchmark_client", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Client


@pytest.fixture
def slow(make_docker: Make) -> Stack:
    """A stack whose app takes POST, and as long as `?s=` says."""
    made = make_docker()
    made.runs("exec(open('/app_slow.py').read())")
    return made


def test_no_request_is_lost_while_canaries_come_and_go(slow: Stack) -> None:
    stable = slow.deploy()
    with _client()(slow.port, rps=100, kept=16, idlers=40, slow_path="/?s=1") as client:
        time.sleep(2)
        canary = slow.new("canary")
        slow.route(50, stable, canary)
        time.sleep(0.5)
        slow.route(0, stable)
        slow.drop(canary.id)
        successor = slow.new()  # gets the canary's address
        slow.route(0, successor)
        slow.drop(stable.id)
        time.sleep(6.5)  # until every connection that idled has asked again
    assert client.failed == {}
    assert client.ok > 800
    assert client.tracks["canary"] > 0


@dockerd.LONG
def test_a_container_that_gets_the_address_of_another_gets_none_of_its_requests(slow: Stack) -> None:
    """Docker gives the address of a removed container to the next one at once."""
    stable = slow.deploy()
    canary = slow.new("canary")
    slow.route(100, stable, canary)
    at = dockerd.inspected(str(slow.found(canary.id).container))["NetworkSettings"]["Networks"][slow.network]
    slow.route(0, stable)
    slow.drop(canary.id)
    other = slow.new("canary")
    now = dockerd.inspected(str(dockerd.instances(slow.root)[other.id]))["NetworkSettings"]["Networks"][slow.network]
    assert now["IPAddress"] == at["IPAddress"]  # else this test proves nothing
    assert {slow.get()[1] for _ in range(50)} == {stable.id}

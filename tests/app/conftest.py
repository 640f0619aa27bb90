"""The sample app as a real process on a free port, and sockets to talk to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

APP = Path(__file__).resolve().parents[2] / "app" / "main.py"


@dataclass(frozen=True)
class Reply:
    """One response, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


@dataclass
class Service:
    """A running app."""

    port: int
    process: subprocess.Popen[bytes]
    sockets: list[socket.socket] = field(default_factory=list)

    def connect(self) -> socket.socket:
        one = socket.create_connection(("127.0.0.1", self.port), 10)
        self.sockets.append(one)
        return one

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            return reply_of(connection.getresponse())

    def chaos(self, **wish: object) -> Reply:
        return self.ask("POST", "/chaos", json.dumps(wish).encode())

    def sample(self, name: str, **labels: str) -> float:
        """The value of one series; 0 where it does not exist."""
        return sum(value for key, has, value in self.samples() if key == name and has == labels)

    def samples(self) -> list[tuple[str, dict[str, str], float]]:
        """Every series of /metrics, through Prometheus' own parser."""
        text = self.ask("GET", "/metrics").body.decode()
        families = text_string_to_metric_families(text)
        return [(one.name, dict(one.labels), one.value) for family in families for one in family.samples]


def reply_of(response: http.client.HTTPResponse) -> Reply:
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def read_reply(one: socket.socket, method: str = "GET") -> Reply:
    """The next response on a raw socket."""
    response = http.client.HTTPResponse(one, method=method)
    response.begin()
    return reply_of(response)


def eventually(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something holds; fails when it never does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.01)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


@contextlib.contextmanager
def running(**env: str) -> Iterator[Service]:
    """The app with this environment and nothing else in it, ready when handed out and gone at the end."""
    port = free_port()
    settings = {"APP_PORT": str(port), "APP_HOST": "127.0.0.1", "PATH": os.environ["PATH"], **env}
    process = subprocess.Popen([sys.executable, "-I", "-S", str(APP)], env=settings, stdout=subprocess.PIPE)
    service = Service(port, process)
    try:
        assert process.stdout is not None
        assert b" serves on " in process.stdout.readline()
        yield service
    finally:
        for one in service.sockets:
            one.close()
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def canary() -> Iterator[Service]:
    with running(MODE="canary", APP_VERSION="2.0.0", APP_INSTANCE="canary-1") as service:
        yield service


@pytest.fixture
def stable() -> Iterator[Service]:
    with running(MODE="stable", APP_VERSION="1.0.0", APP_INSTANCE="stable-1") as service:
        yield service


@pytest.fixture(scope="module")
def shared_canary() -> Iterator[Service]:
    """For tests that leave nothing behind."""
    with running(MODE="canary") as service:
        yield service


@pytest.fixture(scope="module")
def shared_stable() -> Iterator[Service]:
    """For tests that leave nothing behind."""
    with running(MODE="stable") as service:
        yield service


@dataclass(frozen=True)
class Rig:
    """What tests need beside the fixtures: `importlib` mode lets no test import a conftest."""

    running: Callable[..., contextlib.AbstractContextManager[Service]] = running
    read_reply: Callable[..., Reply] = read_reply
    eventually: Callable[..., None] = eventually
    free_port: Callable[[], int] = free_port
    app: Path = APP


@pytest.fixture(scope="session")
def rig() -> Rig:
    return Rig()

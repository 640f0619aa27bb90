"""All figures in one run: `make bench`. Exits 1 when one of them misses its goal by its own script's word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from swiftdeploy.engines.docker import cli

HERE = Path(__file__).parent
SCRIPTS = ("commands local", "app_keepalive", "decision", "journal", "steps", "leaks", "verdicts 3")
ON_DOCKER = ("commands docker", "containers")


def main() -> int:
    missed = []
    why = cli.no_daemon()
    for name in (*SCRIPTS, *(() if why else ON_DOCKER)):
        print(f"\n== {name}", flush=True)
        script, *words = name.split()
        status = subprocess.run((sys.executable, str(HERE / f"{script}.py"), *words), check=False).returncode
        if status:
            missed.append(f"{name} (exit {status})")
    if why:
        print(f"\nnot measured: {', '.join(ON_DOCKER)}: {why}")
    print(f"\nmissed: {', '.join(missed)}" if missed else "\nall goals reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

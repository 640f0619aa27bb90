"""All figures in one run: `make bench`. Exits 1 when one of them misses its goal by its own script's word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = ("commands", "app_keepalive", "decision", "journal", "steps", "leaks")


def main() -> int:
    missed = []
    for name in SCRIPTS:
        print(f"\n== {name}", flush=True)
        status = subprocess.run((sys.executable, str(HERE / f"{name}.py")), check=False).returncode
        if status:
            missed.append(f"{name} (exit {status})")
    print(f"\nmissed: {', '.join(missed)}" if missed else "\nall goals reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The image of the app that takes as long as `?s=` says, for benchmarks on Docker."""

from __future__ import annotations

import subprocess
from pathlib import Path

NAME = "swiftdeploy-bench/slow:1"
DOCKERFILE = b"""
FROM python:3.12-alpine
COPY --chown=10001:10001 app_slow.py ./
CMD ["python3", "-S", "app_slow.py"]
"""


def build() -> None:
    """Raises CalledProcessError."""
    argv = ("docker", "build", "-q", "-t", NAME, "-f", "-", str(Path(__file__).parent))
    subprocess.run(argv, input=DOCKERFILE, stdout=subprocess.DEVNULL, check=True)

"""Tests that need Docker are skipped where there is none, never silently, and not at all where it is required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUITE = "tests/docker/test_versions.py"


def without_docker(*words: str, required: str = "") -> tuple[int, str]:
    """Exit status and output of that suite on a machine without a daemon."""
    env = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock", "SWIFTDEPLOY_REQUIRE_DOCKER": required}
    argv = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", SUITE, *words)
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def test_the_last_lines_say_that_tests_on_docker_were_skipped_and_why() -> None:
    status, out = without_docker()
    assert status == 0
    assert " skipped" in out.splitlines()[-1]
    assert "tests were skipped, no containers here: no daemon answers" in out.splitlines()[-2]


def test_where_docker_is_required_they_fail_instead() -> None:
    for status, out in (without_docker("--require-docker"), without_docker(required="1")):
        assert status == 1
        assert "Docker is required, and there are no containers here: no daemon answers" in out
        assert " skipped" not in out.splitlines()[-1]

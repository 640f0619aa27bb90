"""The shipped files in OPA's own tools: strict check, format, tests, and every line reached by them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

POLICIES = str(Path(__file__).parents[2] / "policies")


def test_opa_accepts_the_policies_in_strict_mode(opa_binary: str) -> None:
    done = subprocess.run((opa_binary, "check", "--strict", POLICIES), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_policies_are_formatted(opa_binary: str) -> None:
    done = subprocess.run((opa_binary, "fmt", "--list", POLICIES), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_policy_tests_pass_in_opa_and_reach_every_line(opa_binary: str) -> None:
    done = subprocess.run((opa_binary, "test", "--coverage", POLICIES), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["coverage"] == 100

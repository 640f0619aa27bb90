"""The shipped files in OPA's own tools: strict check, format, tests, and every line reached by them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

POLICIES = str(Path(__file__).parents[2] / "policies")


@pytest.fixture
def opa() -> str:
    binary = os.environ.get("SWIFTDEPLOY_OPA") or shutil.which("opa")
    if not binary:
        pytest.skip("no opa binary on PATH or in SWIFTDEPLOY_OPA")
    return binary


def test_opa_accepts_the_policies_in_strict_mode(opa: str) -> None:
    done = subprocess.run((opa, "check", "--strict", POLICIES), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_policies_are_formatted(opa: str) -> None:
    done = subprocess.run((opa, "fmt", "--list", POLICIES), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_policy_tests_pass_in_opa_and_reach_every_line(opa: str) -> None:
    done = subprocess.run((opa, "test", "--coverage", POLICIES), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["coverage"] == 100

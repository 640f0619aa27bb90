"""A real OPA where there is one."""

from __future__ import annotations

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def opa_binary() -> str:
    binary = os.environ.get("SWIFTDEPLOY_OPA") or shutil.which("opa")
    if not binary or binary == "off":
        pytest.skip("no opa binary on PATH or in SWIFTDEPLOY_OPA")
    return binary

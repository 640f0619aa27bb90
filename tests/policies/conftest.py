"""One warm embedded judge and the policies of this repository, for all tests of the policies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.model import policy
from swiftdeploy.model.decision import PolicySet

POLICIES = Path(__file__).parents[2] / "policies"


@pytest.fixture(scope="session")
def packaged() -> PolicySet:
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(POLICIES.iterdir())}
    return PolicySet(files, policy.digest(files), packaged=True)


@pytest.fixture(scope="session")
def judge() -> Iterator[Embedded]:
    one = Embedded(limit_seconds=20.0, start_seconds=60.0)  # the tests are about answers, on a machine as busy as it is
    yield one
    one.close()

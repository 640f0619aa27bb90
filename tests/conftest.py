"""Fixtures that several rooms' tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A fake world over real files in an empty project folder."""
    return Bench(tmp_path)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-point", action="store_true", help="kill commands at every phase boundary (make crash)")
    parser.addoption("--parity", type=int, default=500, help="inputs that both judges answer (make nightly: 10000)")

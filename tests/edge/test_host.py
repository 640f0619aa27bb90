"""Facts of this machine are plausible figures; those of a simulated one say so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil
import pytest

from swiftdeploy.edge import host


def test_real_facts_are_well_formed(tmp_path: Path) -> None:
    facts = host.Host(lambda: tmp_path).facts()
    assert set(facts) == {"disk_free_gb", "cpu_load_1m", "cpu_count", "mem_free_percent", "simulated"}
    assert facts["simulated"] is False
    assert facts["cpu_count"] == os.cpu_count()
    assert isinstance(facts["mem_free_percent"], float)
    assert 0 <= facts["mem_free_percent"] <= 100
    assert isinstance(facts["cpu_load_1m"], float)


def test_the_disk_is_that_of_the_folder_even_before_it_exists(tmp_path: Path) -> None:
    free = host.Host(lambda: tmp_path / "not" / "yet").facts()["disk_free_gb"]
    assert free == pytest.approx(shutil.disk_usage(tmp_path).free / 1024**3, abs=1)


def test_memory_agrees_with_psutil() -> None:
    memory = psutil.virtual_memory()
    free = host.Host(lambda: Path("/")).facts()["mem_free_percent"]
    assert free == pytest.approx(100 * memory.available / memory.total, abs=5)


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        ("MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\nCached: 50 kB\n", 40.0),
        ("MemTotal: 1000 kB\nMemFree: 100 kB\nCached: 50 kB\n", 15.0),
    ],
)
def test_free_memory_counts_what_the_kernel_can_give_back(tmp_path: Path, text: str, percent: float) -> None:
    (tmp_path / "meminfo").write_text(text)
    assert host._memory_free_percent(tmp_path / "meminfo") == percent


def test_without_proc_memory_is_measured_too(tmp_path: Path) -> None:
    assert 0 <= host._memory_free_percent(tmp_path / "none") <= 100


def test_a_simulated_host_is_healthy_but_for_what_is_replaced() -> None:
    facts = host.SimulatedHost({"disk_free_gb": 2.0, "simulated": False}).facts()
    assert facts == {**host.BASELINE, "disk_free_gb": 2.0, "simulated": True}

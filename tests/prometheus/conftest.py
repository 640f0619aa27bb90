"""A real Prometheus server, started on a configuration of the test's own, and a stack for it to scrape."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from project import Project

from swiftdeploy.machine import ports

PATIENCE_SECONDS = 30.0
CONFIG = """\
global: {scrape_interval: 1s, scrape_timeout: 900ms}
scrape_configs:
"""
JOB = """\
- job_name: %s
  metrics_path: %s
  static_configs: [{targets: ["127.0.0.1:%d"]}]
"""

Point = tuple[float, float]
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Prometheus:
    """Its HTTP interface; times are Unix seconds."""

    port: int

    def ask(self, query: str, at: float) -> dict[Labels, Any]:
        """An instant query: the labels of each series, its name and Prometheus' own ones left out, to what it has."""
        words = urllib.parse.urlencode({"query": query, "time": f"{at:.3f}"})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{words}", timeout=10) as answer:
            found = json.load(answer)["data"]["result"]
        return {_labels(one["metric"]): one.get("values") or one["value"] for one in found}

    def value(self, query: str, at: float) -> float:
        """The one number of a query."""
        ((_, number),) = self.ask(query, at).values()
        return float(number)

    def values(self, query: str, at: float) -> dict[Labels, float]:
        """The number of each series."""
        return {labels: float(point[1]) for labels, point in self.ask(query, at).items()}

    def series(self, selector: str, start: float, end: float) -> dict[Labels, list[Point]]:
        """All that was scraped from `start` to `end`, as time and value."""
        found = self.ask(f"{selector}[{milliseconds(start, end)}ms]", end)
        return {labels: [(float(at), float(value)) for at, value in points] for labels, points in found.items()}

    def settled(self, job: str, after: float) -> float:
        """Wait for two good scrapes of a job that began after `after`; the time of the second."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            times = [at for at, up in self._ups(job) if at > after and up == 1]
            if len(times) > 1:
                return times[1]
            time.sleep(0.1)
        raise AssertionError(f"Prometheus did not scrape {job} twice in {PATIENCE_SECONDS:g} s")

    def _ups(self, job: str) -> list[Point]:
        now = time.time()
        return next(iter(self.series(f'up{{job="{job}"}}', now - 60, now).values()), [])


def milliseconds(start: float, end: float) -> int:
    """Length of a range that holds both its ends, also where ranges are open to the left (Prometheus 3)."""
    return round((end - start) * 1000) + 1


def _labels(metric: Mapping[str, str]) -> Labels:
    return frozenset((name, value) for name, value in metric.items() if name not in ("__name__", "job", "instance"))


@pytest.fixture(scope="module")
def prometheus_binary() -> str:
    return shutil.which("prometheus") or pytest.skip("there is no prometheus on PATH (Debian has a package of it)")


@pytest.fixture(scope="module")
def stack(prometheus_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Stable 1.0.0 and canary 2.0.0, half of the requests each."""
    folder = tmp_path_factory.mktemp("scraped")
    made = Project(folder / "shop", folder)
    try:
        made.ok("deploy")
        made.set({"services.version": "2.0.0"})
        made.ok("promote", "canary")
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def canary_id(stack: Project) -> str:
    shown: Any = stack.ok("status", "--once", "--json").json
    (found,) = (one["instance"] for one in shown["tracks"] if one["track"] == "canary")
    return str(found)


@pytest.fixture(scope="module")
def prometheus(
    prometheus_binary: str, stack: Project, canary_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    paths = {name: f"/tracks/{name}/metrics" for name in ("stable", "canary")}
    paths["instance"] = f"/instances/{canary_id}/metrics"
    config = folder / "prometheus.yml"
    config.write_text(CONFIG + "".join(JOB % (name, path, stack.admin_port) for name, path in paths.items()))
    port = ports.claim(folder, folder)
    argv = (
        prometheus_binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    )  # fmt: skip
    with (folder / "log").open("wb") as log, subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log) as server:
        try:
            _wait_until_ready(port, server, folder / "log")
            yield Prometheus(port)
        finally:
            server.kill()
            ports.release_all(folder)


def _wait_until_ready(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5):
            return
        time.sleep(0.05)
    raise AssertionError(f"Prometheus did not come up: {log.read_text()[-500:]}")

"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import dockerd
import pytest
from fakes import Bench

ALL_DOCKER = Path(__file__).parent / "docker"
# a controller of xdist has nothing but names
ON_DOCKER = re.compile(r"^tests/docker/|/test_docker_(?!required|files)|/test_plugin_swept|\[(.*-)?docker[-\]]")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A fake world over real files in an empty project folder."""
    return Bench(tmp_path)


@pytest.fixture(autouse=True)
def _no_daemon_by_chance(request: pytest.FixtureRequest) -> Generator[None]:
    """Whether a Docker daemon answers on the machine that runs the tests counts only for those that ask for one. Not by
    the fixture `monkeypatch`: a test's own patches would then outlive its other fixtures."""
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("docker") is None:
            patch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        yield


@pytest.fixture(scope="session")
def opa_binary() -> str:
    """A real OPA. `make test` may do without, since with one the local engine would have another judge; CI then runs
    all that asks for it by its mark."""
    binary = os.environ.get("SWIFTDEPLOY_OPA") or shutil.which("opa")
    if not binary or binary == "off":
        pytest.skip("no opa binary on PATH or in SWIFTDEPLOY_OPA")
    return binary


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test that starts containers is marked as one, so that it sees the daemon; one that asks for a real OPA, so that
    all of them can be run where there is one."""
    if _starts_containers(item):
        item.add_marker("docker")
    if _asks_for(item, "opa", "opa_binary"):
        item.add_marker("opa")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """All that starts containers goes to one worker: containers of two tests at once would leave a small machine no
    time to measure any of them. Not by `--dist loadgroup`, which pytest-xdist 3.8 cannot do with pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling

    class OneForDocker(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "docker" if ON_DOCKER.search(nodeid) else nodeid

    return OneForDocker(config, log)


def _starts_containers(item: pytest.Item) -> bool:
    return _asks_for(item, "docker", "dockerd_here") or ALL_DOCKER in item.path.parents


def _asks_for(item: pytest.Item, parameter: str, fixture: str) -> bool:
    """By a parameter, whose fixture takes the other one only when it is asked, or by the fixture."""
    params = getattr(item, "callspec", None)
    named = params is not None and parameter in [one for one in params.params.values() if isinstance(one, str)]
    return named or fixture in getattr(item, "fixturenames", ())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-point", action="store_true", help="kill commands at every phase boundary (make crash)")
    parser.addoption("--parity", type=int, default=500, help="inputs that both judges answer (make nightly: 10000)")
    parser.addoption("--broken", type=int, default=500, help="broken policies for both judges (make nightly: 10000)")
    parser.addoption("--broken-seed", type=int, help="the seed of the broken policies, as a failure prints it")
    parser.addoption(
        "--require-docker",
        action="store_true",
        default=os.environ.get("SWIFTDEPLOY_REQUIRE_DOCKER", "") not in ("", "0"),
        help="a test that needs a Docker daemon fails where it would be skipped (or SWIFTDEPLOY_REQUIRE_DOCKER=1)",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI is meant to run the tests that need Docker, none of them may be skipped."""
    report = yield
    if (why := _lacked(report)) and item.config.getoption("require_docker"):
        report.outcome = "failed"
        report.longrepr = f"Docker is required, and there are {why}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """At the very end, since nobody reads a lone `s`: what was not tested, and why."""
    yield
    reasons = [why for one in terminalreporter.stats.get("skipped", []) if (why := _lacked(one))]
    for why in sorted(set(reasons)):
        terminalreporter.write_line(f"docker: {reasons.count(why)} tests were skipped, {why}", yellow=True)


def _lacked(report: pytest.TestReport) -> str | None:
    """What a test that was skipped for want of Docker said of it."""
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return None
    told = report.longrepr[2].removeprefix("Skipped: ")
    return told if told.startswith(dockerd.WITHOUT) else None

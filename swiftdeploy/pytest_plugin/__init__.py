"""The pytest plugin: scenarios as tests on real stacks, and the audit report of a run.

Every pytest in the environment loads this, so its top imports only pytest and the standard library; what is behind a
hook is imported once there is a scenario.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from swiftdeploy.scenario.scene import Scene


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("swiftdeploy", "SwiftDeploy scenarios")
    group.addoption(
        "--swiftdeploy-engine",
        metavar="ENGINE",
        help="how scenario stacks run: local or docker (else SWIFTDEPLOY_ENGINE, the manifest, or what is there); "
        "an explicit `local` lets the sample app stand in for an image without services.command",
    )
    group.addoption(
        "--swiftdeploy-report",
        metavar="DIR",
        help="where audit_report.md, index.html and results.json go (default: .swiftdeploy/report)",
    )


def pytest_configure(config: pytest.Config) -> None:
    engine = config.getoption("swiftdeploy_engine")
    if engine not in (None, "local", "docker"):
        raise pytest.UsageError(f"--swiftdeploy-engine {engine}: there is no such engine; engines are local, docker")
    from swiftdeploy.pytest_plugin.signals import Termination

    config.pluginmanager.register(Termination(config), "swiftdeploy-termination")
    if not hasattr(config, "workerinput"):  # with xdist only the controller writes
        from swiftdeploy.pytest_plugin.archive import Archive

        config.pluginmanager.register(Archive(config), "swiftdeploy-archive")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".yaml":
        return None
    from swiftdeploy.pytest_plugin import collect

    if not collect.is_scenario(file_path):
        return None
    return collect.ScenarioFile.from_parent(parent, path=file_path)


def pytest_report_header(config: pytest.Config) -> list[str]:
    from swiftdeploy.pytest_plugin import collect

    projects = collect.projects_of(config)
    if not projects:
        return []
    from swiftdeploy.pytest_plugin import header

    return [header.line(project, config) for project in projects]


@pytest.fixture
def swiftdeploy_scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The stack of one scenario: a copy of the project, ports and state of its own; torn down whatever happens."""
    from swiftdeploy.pytest_plugin import stage

    with stage.stage(request.node, tmp_path_factory) as scene:
        yield scene


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    from swiftdeploy.pytest_plugin.item import ScenarioItem

    if isinstance(item, ScenarioItem):
        from swiftdeploy.pytest_plugin import record

        record.attach(item, report)
    return report

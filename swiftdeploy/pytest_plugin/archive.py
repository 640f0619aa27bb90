"""Gathers the records of all scenarios, from all workers, and writes the report when the session ends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from swiftdeploy.pytest_plugin.record import Kept

DEFAULT = ".swiftdeploy/report"


class Archive:
    """Lives on the controller (or in the only process)."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._records: list[Kept] = []
        self._written: Path | None = None
        self._failure = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        kept = getattr(report, "swiftdeploy", None)
        if report.when == "teardown" and isinstance(kept, dict):
            self._records.append(kept)

    def pytest_sessionfinish(self) -> None:
        if not self._records:
            return
        from swiftdeploy.edge.files import Files
        from swiftdeploy.model import errors
        from swiftdeploy.pytest_plugin import report

        self._records.sort(key=lambda one: str(one["nodeid"]))
        folder = self._folder()
        try:
            for name, text in report.files(self._records).items():
                Files(folder[0]).write(f"{folder[1]}/{name}" if folder[1] else name, text)
            self._written = folder[0] / folder[1]
            self._summarize(report.summary(self._records))
        except errors.SwiftDeployError as error:
            self._failure = str(error)
        except OSError as error:
            self._failure = f"GITHUB_STEP_SUMMARY cannot be written: {error}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._written:
            terminalreporter.write_line(f"swiftdeploy report: {self._written / 'audit_report.md'}")
        if self._failure:
            terminalreporter.write_line(f"swiftdeploy report was not written whole: {self._failure}", red=True)

    def _folder(self) -> tuple[Path, str]:
        """A root that exists or may be made, and the folder in it."""
        given = self._config.getoption("swiftdeploy_report")
        if given:
            return Path(self._config.invocation_params.dir, given), ""
        return self._config.rootpath, DEFAULT

    def _summarize(self, text: str) -> None:
        """For GitHub, and CI systems that know its variable."""
        if path := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)

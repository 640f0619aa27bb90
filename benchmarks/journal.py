"""Figures of the journal: an append on disk, and the audit of 100,000 events (time and peak memory)."""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from swiftdeploy.edge.history import History
from swiftdeploy.model import journal, page, report
from swiftdeploy.model.account import Account
from swiftdeploy.model.decision import Decision
from swiftdeploy.model.event import Decided, Event, StatusScrape

EVENTS = 100_000
APPENDS = 500


def appends(path: Path) -> float:
    """Milliseconds of the median append, fsync included."""
    history = History(path, "bench", "bench@here")
    taken = []
    for number in range(APPENDS):
        start = time.perf_counter()
        history.append(_event(number))
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


def fill(path: Path) -> None:
    prev = journal.GENESIS
    with path.open("w", encoding="ascii") as file:
        for number in range(EVENTS):
            line = journal.encode(_event(number), number + 1, "2026-05-05T20:34:51.000Z", "bench", "bench@here", prev)
            prev = journal.decode(line).hash
            file.write(line + "\n")


def audit(path: Path) -> tuple[float, int]:
    """Seconds, and characters written, of both reports."""
    start = time.perf_counter()
    account = Account()
    verdict = journal.verify(account.noting(History(path, "bench", "bench@here").entries()))
    sections = report.sections(account, verdict)
    size = len(page.markdown(report.TITLE, sections)) + len(page.html(report.TITLE, sections))
    assert verdict.ok, verdict
    return time.perf_counter() - start, size


def _event(number: int) -> Event:
    """One decision in ten, else refreshes of the dashboard, every third of them a violation."""
    if number % 10:
        return StatusScrape("canary", number % 97 / 10, 12.5, None, True, number % 3 > 0, 300)
    source = {"samples": 300, "errors": 2, "error_rate_percent": 0.67, "p99_latency_ms": 12.5}
    facts = {"window_seconds": 2.0, "samples": 300, "error_rate_percent": 0.67, "users": source, "probe": source}
    reason = "error_rate_percent is 2.67, maximum allowed is 1.0"
    outcome = "deny" if number % 20 else "allow"
    return Decided("promote", Decision("canary", outcome, (reason,), facts, "embedded", "sha256:" + "0" * 64))  # type: ignore[arg-type]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        append = appends(Path(folder, "a.jsonl"))
        fill(Path(folder, "b.jsonl"))
        seconds, size = audit(Path(folder, "b.jsonl"))
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    sys.stdout.write(
        f"journal append, fsync included, p50: {append:.2f} ms (goal 2)\n"
        f"audit of {EVENTS:,} events: {seconds:.2f} s (goal 5), peak RSS {peak:.0f} MB (goal 200), "
        f"{size / 1e6:.1f} MB of reports\n"
    )


if __name__ == "__main__":
    main()

"""The report of a run of scenarios, from their records alone: text in, text out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from swiftdeploy.model import journal, page
from swiftdeploy.model import report as audit
from swiftdeploy.model.account import Account
from swiftdeploy.model.event import Entry
from swiftdeploy.model.page import Block, Details, Paragraph, Section, Table
from swiftdeploy.pytest_plugin.record import Kept

SCHEMA_VERSION = 1
TITLE = "SwiftDeploy scenarios"
MARKS = {"passed": "✔ passed", "failed": "✘ failed", "error": "✘ error", "skipped": "– skipped"}


def files(records: Sequence[Kept]) -> Mapping[str, str]:
    """Names to texts: `audit_report.md`, `index.html`, `results.json`."""
    sections = tuple(_sections(records))
    return {
        "audit_report.md": page.markdown(TITLE, sections),
        "index.html": page.html(TITLE, sections),
        "results.json": json.dumps(results(records), indent=1, ensure_ascii=False) + "\n",
    }


def results(records: Sequence[Kept]) -> dict[str, object]:
    """For programs: all that is known of each scenario; its journal as a list of events."""
    scenarios = [{**one, "journal": [json.loads(line) for line in one["journal"].splitlines()]} for one in records]
    return {"schema_version": SCHEMA_VERSION, "scenarios": scenarios}


def summary(records: Sequence[Kept]) -> str:
    """A short Markdown for CI."""
    failed = [one for one in records if one["failure"]]
    blocks: list[Block] = [_overview(records)]
    blocks += [Details(one["id"], (), one["failure"]) for one in failed]
    return page.markdown(TITLE, (Section("", blocks),)) + "\n"


def _sections(records: Sequence[Kept]) -> Iterator[Section]:
    yield Section("", (_overview(records),))
    for one in records:
        yield Section(one["id"], tuple(_story(one)))
        for part in _audit(one):
            yield Section(f"{one['id']}: {part.title}" if part.title else "", part.blocks)


def _overview(records: Sequence[Kept]) -> Table:
    rows = [
        (one["id"], MARKS[one["outcome"]], f"{one['seconds']:.1f} s", one["engine"], one["nodeid"]) for one in records
    ]
    return Table(("Scenario", "Result", "Time", "Engine", "Test"), rows)


def _story(one: Kept) -> Iterator[Block]:
    if one["about"]:
        yield Paragraph(one["about"])
    rows = [
        (
            f"{'always ' if step['always'] else ''}{step['number']}",
            step["name"] or step["verb"],
            MARKS[step["result"]],
            f"{step['seconds']:.2f} s",
            step["place"],
        )
        for step in one["steps"]
    ]
    yield Table(("Step", "What", "Result", "Time", "Place"), rows)
    if one["failure"]:
        yield Details("Failure", (), one["failure"])


def _audit(one: Kept) -> tuple[Section, ...]:
    """What the audit of this scenario's own journal says, its chain proven."""
    account = Account()
    verdict = journal.verify(_told(account, journal.read(one["journal"].splitlines(), "history.jsonl")))
    return audit.sections(account, verdict)


def _told(account: Account, entries: Iterator[Entry]) -> Iterator[Entry]:
    for entry in entries:
        account.add(entry)
        yield entry

"""The audit report: what the journal says, and nothing else, as a document. Same journal, same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from swiftdeploy.model import page
from swiftdeploy.model.account import RED, Account, Plotted, reasons
from swiftdeploy.model.decision import Decision, Json
from swiftdeploy.model.event import Decided, Entry
from swiftdeploy.model.journal import Verdict
from swiftdeploy.model.page import Block, Details, Paragraph, Plot, Section

TITLE = "SwiftDeploy audit report"
_OUTCOME = {"allow": "✔ ALLOW", "deny": "✘ DENY", "none": "✘ NO DECISION"}


def markdown(entries: Iterable[Entry], verdict: Verdict) -> str:
    """`audit_report.md` for the entries that the verdict (of `journal.verify`) is about."""
    return page.markdown(TITLE, _read(entries, verdict))


def html(entries: Iterable[Entry], verdict: Verdict) -> str:
    """`audit_report.html`: the same, on one page that loads nothing."""
    return page.html(TITLE, _read(entries, verdict))


def sections(account: Account, verdict: Verdict) -> tuple[Section, ...]:
    """The document, for whoever has gathered the account while proving the chain."""
    account.interrupted()
    return tuple(_sections(account, verdict))


def _read(entries: Iterable[Entry], verdict: Verdict) -> tuple[Section, ...]:
    account = Account()
    for entry in islice(entries, verdict.entries):  # behind them there may be a line that cannot be read
        account.add(entry)
    return sections(account, verdict)


def _sections(account: Account, verdict: Verdict) -> Iterator[Section]:
    yield Section("", (*_chain(verdict), Paragraph(f"From {account.first or '–'} to {account.last or '–'}.")))
    if account.overrides.total:
        table = account.overrides.table("Timestamp", "Command", "Override", "Policy", "By")
        yield Section(f"{RED} Overrides", (table,))
    yield Section("Mode Changes", (account.modes.table("Timestamp", "From", "To"),))
    table = account.violations.table("Timestamp", "Infrastructure", "Canary", "Error Rate", "P99")
    yield Section("Policy Violations", (table,))
    yield Section("Decisions", tuple(_decisions(account)))
    yield Section("Rollbacks", (account.rollbacks.table("Timestamp", "Left", "Runs", "Note", "By"),))
    yield Section("Chaos", (account.chaos.table("Timestamp", "Target", "Fault", "Options", "By"),))
    table = account.commands.table("Timestamp", "Command", "Outcome", "Note", "Runs", "Manifest", "By")
    yield Section("Commands", (table,))
    if account.scrapes:
        yield Section("Dashboard", tuple(_dashboard(account)))
    if account.notes.total:
        yield Section("Journal", (account.notes.table("Timestamp", "Note", "By"),))


def _chain(verdict: Verdict) -> Iterator[Block]:
    if verdict.ok:
        yield Paragraph(f"✔ The journal's chain is whole: {verdict.entries} entries.")
    else:
        yield Paragraph(f"✘ {RED} The journal cannot be trusted: {verdict}.")
        yield Paragraph(f"{verdict.entries} entries could be read and are shown here.")
    yield Paragraph(f"Head: {verdict.head}")


def _decisions(account: Account) -> Iterator[Block]:
    yield Paragraph(f"{account.decided} decisions.")
    if omitted := account.decided - len(account.decisions):
        yield Paragraph(f"The {omitted} earliest are left out here; the journal has them.")
    for entry in account.decisions:
        if isinstance(entry.event, Decided):
            yield _decision(entry, entry.event)


def _decision(entry: Entry, event: Decided) -> Details:
    decision = event.decision
    flags = f" {RED} OVERRIDDEN" if decision.override else ""
    flags += f" {RED} UNENFORCED" if decision.unenforced else ""
    return Details(
        f"{entry.timestamp} {event.verb}, gate {decision.gate}: {_OUTCOME[decision.outcome]}{flags}",
        tuple(_facts(entry, decision)),
        f'{{"input": {_laid_out(decision.input)}, "checked": {_laid_out(decision.checked)}}}',
        "json",
    )


def _laid_out(values: Mapping[str, Json]) -> str:
    """JSON with a line for each value; the standard library's `indent` takes ten times as long."""
    lines = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in values.items())
    return "{\n" + ",\n".join(lines) + "\n}" if values else "{}"


def _facts(entry: Entry, decision: Decision) -> Iterator[tuple[str, str]]:
    for reason in reasons(decision):
        yield "Reason", reason
    if decision.override:
        yield f"{RED} Override", decision.override
    if decision.warning:
        yield "Warning", decision.warning
    if decision.evidence:
        yield "Evidence", decision.evidence
    yield "Judge", decision.judge
    yield "Policy", f"{decision.policy_digest}{' (packaged)' if decision.packaged else ''}"
    yield "Entry", f"{entry.seq}, by {entry.actor}, run {entry.run}"


def _dashboard(account: Account) -> Iterator[Block]:
    yield Paragraph(f"{account.scrapes} refreshes from {account.scraped[0]} to {account.scraped[1]}.")
    plots: tuple[tuple[str, str, Plotted], ...] = (
        ("Error rate", "%", account.error_rates),
        ("P99", "ms", account.latencies),
    )
    for title, unit, plotted in plots:
        if plotted.points:
            yield Paragraph(f"{title}: highest {max(plotted.points):.1f}{unit}.")
            yield Plot(title, unit, tuple(plotted.points), account.scraped)

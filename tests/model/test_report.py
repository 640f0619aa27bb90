"""The audit report says what the journal says, with the article's tables, and nothing of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from swiftdeploy.model import account, journal, report
from swiftdeploy.model.decision import Decision
from swiftdeploy.model.event import (
    Blocked,
    ChaosSet,
    Committed,
    Decided,
    Entry,
    Event,
    Finished,
    Intent,
    JournalRepaired,
    StatusScrape,
    Unchanged,
    Undone,
)
from swiftdeploy.model.state import Instance, Release, State

DENIED = Decision(
    "canary",
    "deny",
    ("error_rate_percent is 62.5, maximum allowed is 1.0",),
    {"error_rate_percent": 62.5, "p99_latency_ms": 5.0, "samples": 300},
    "embedded",
    "sha256:" + "ab" * 32,
    packaged=True,
    evidence="sufficient",
)
BAD = StatusScrape("canary", 62.5, 5.0, "error", True, False, 300)
GOOD = StatusScrape("canary", 0.1, 5.0, None, True, True, 300)


def state(canary: str = "", stable: str = "1.0.0") -> State:
    tracks = (("stable", stable), ("canary", canary))
    return State("local", 1, tuple(Instance(f"{t}-1", t, release(name)) for t, name in tracks if name), 25)  # type: ignore[arg-type]


def release(version: str) -> Release:
    return Release(f"id{version}", version, "app", "", (), False, 3000, "", "/healthz", "/metrics", None, None)


def chained(*events: Event) -> list[Entry]:
    entries: list[Entry] = []
    prev = journal.GENESIS
    for seq, event in enumerate(events, 1):
        entries.append(
            journal.decode(journal.encode(event, seq, f"2026-05-05T20:34:{seq:02}.000Z", "r", "me@here", prev))
        )
        prev = entries[-1].hash
    return entries


def markdown(*events: Event) -> str:
    entries = chained(*events)
    return report.markdown(entries, journal.verify(entries))


def table(text: str, title: str) -> list[tuple[str, ...]]:
    """The rows of a section's table, header included, as a real parser reads them."""
    tokens = iter(MarkdownIt("commonmark", {"html": True}).enable("table").parse(text))
    rows: list[tuple[str, ...]] = []
    for token in tokens:
        if token.type == "heading_open" and next(tokens).content == title:
            break
    for token in tokens:
        if token.type == "heading_open":
            break
        if token.type == "tr_open":
            rows.append(())
        if token.type == "inline" and rows:
            rows[-1] = (*rows[-1], token.content)
    return rows


LIFE: Iterable[Event] = (
    Intent("deploy", "1.0.0"),
    Committed("deploy", "stable", state(), "sha256:m", note="first"),
    Finished("deploy"),
    Committed("promote", "canary", state("2.0.0"), "sha256:m"),
    ChaosSet("canary", "error", {"rate": 0.6}),
    BAD,
    GOOD,
    Intent("promote", "2.0.0"),
    Decided("promote", DENIED),
    Blocked("promote", "canary", DENIED.reasons),
    Undone("promote", "policy denied"),
    Committed("rollback", "stable", state(), "sha256:m", left="id2.0.0"),
    Unchanged("deploy", "all is so already"),
    JournalRepaired(17),
    Committed("teardown", "stable", State(), "sha256:m"),
)


def test_mode_changes_have_the_columns_and_rows_of_the_article():
    assert table(markdown(*LIFE), "Mode Changes") == [
        ("Timestamp", "From", "To"),
        ("2026-05-05T20:34:02.000Z", "unknown", "stable"),
        ("2026-05-05T20:34:04.000Z", "stable", "canary"),
        ("2026-05-05T20:34:12.000Z", "canary", "stable"),
        ("2026-05-05T20:34:15.000Z", "stable", "nothing"),
    ]


def test_policy_violations_are_failed_refreshes_and_denied_gates_with_the_columns_of_the_article():
    assert table(markdown(*LIFE), "Policy Violations") == [
        ("Timestamp", "Infrastructure", "Canary", "Error Rate", "P99"),
        ("2026-05-05T20:34:06.000Z", "✔ PASS", "✘ FAIL", "62.5%", "5.0ms"),
        ("2026-05-05T20:34:09.000Z", "–", "✘ FAIL", "62.5%", "5.0ms"),
    ]


def test_every_outcome_of_a_command_is_listed_with_what_runs():
    rows = table(markdown(*LIFE), "Commands")[1:]
    assert [row[1:3] for row in rows] == [
        ("deploy", "✔ done"),
        ("promote", "✔ done"),
        ("promote", "✘ blocked by canary policy"),
        ("promote", "✘ undone"),
        ("rollback", "✔ done"),
        ("deploy", "already so"),
        ("teardown", "✔ done"),
    ]
    assert rows[1][4] == "1.0.0 (id1.0.0) stable, 2.0.0 (id2.0.0) canary 25 %"
    assert rows[-1][4] == "nothing"


def test_chaos_rollbacks_and_repairs_have_their_own_tables():
    text = markdown(*LIFE)
    assert table(text, "Chaos")[1][1:] == ("canary", "error", "rate 0.6", "me@here")
    assert table(text, "Rollbacks")[1][1:3] == ("id2.0.0", "1.0.0 (id1.0.0) stable")
    assert "a torn last line of 17 bytes was cut off" in table(text, "Journal")[1]


@pytest.mark.parametrize("make", [report.markdown, report.html])
def test_a_decision_shows_reasons_input_judge_and_digest(make):
    entries = chained(*LIFE)
    text = make(entries, journal.verify(entries)).replace("&quot;", '"')
    for part in (*DENIED.reasons, '"samples": 300', "embedded", f"{DENIED.policy_digest} (packaged)", "✘ DENY"):
        assert part in text


@pytest.mark.parametrize("make", [report.markdown, report.html])
def test_overrides_and_unenforced_decisions_are_red(make):
    forced = Decided("promote", replace(DENIED, override="customer is down"))
    entries = chained(forced, Decided("deploy", replace(DENIED, outcome="allow", unenforced=True)))
    text = make(entries, journal.verify(entries))
    for part in ("🟥 Overrides", "🟥 OVERRIDDEN", "🟥 UNENFORCED", "customer is down"):
        assert part in text
    assert "🟥" not in markdown(*LIFE)


def test_a_command_without_outcome_is_listed_as_such():
    rows = table(markdown(Intent("deploy", "1.0.0"), GOOD), "Commands")
    assert rows[1][1:4] == ("deploy", "✘ no outcome", "1.0.0")


def test_an_event_of_a_newer_version_is_named():
    assert "an event \\`rollout\\`" in markdown(journal.Unknown("rollout", {})).replace("&#96;", "\\`")  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [report.markdown, report.html])
def test_chain_and_head_are_shown(make):
    entries = chained(*LIFE)
    assert "chain is whole: 15 entries" in make(entries, journal.verify(entries))
    assert entries[-1].hash in make(entries, journal.verify(entries))
    broken = entries[:3] + entries[4:]
    assert "chain broken at line 4" in make(broken, journal.verify(broken))


def test_a_report_ends_before_a_line_that_cannot_be_read():
    lines = [journal.encode(GOOD, 1, "t", "r", "a", journal.GENESIS), "garbage"]
    verdict = journal.verify(journal.read(lines, "history.jsonl"))
    assert "1 entries could be read" in report.markdown(journal.read(lines, "history.jsonl"), verdict)


def test_an_empty_journal_makes_a_report_with_both_tables():
    text = markdown()
    assert table(text, "Mode Changes") == [("Timestamp", "From", "To")]
    assert table(text, "Policy Violations") == [("Timestamp", "Infrastructure", "Canary", "Error Rate", "P99")]


def test_the_same_journal_gives_the_same_bytes():
    assert markdown(*LIFE) == markdown(*LIFE)


def test_a_night_of_violations_is_cut_to_the_newest_and_the_rest_counted():
    extra = 30
    text = markdown(*[BAD] * (account.VIOLATIONS + extra))
    assert len(table(text, "Policy Violations")) == 1 + account.VIOLATIONS
    assert f"{extra} earlier rows are left out" in text


def test_a_plot_keeps_the_highest_of_what_it_merges():
    plotted = account.Plotted()
    for number in range(10 * account.POINTS):
        plotted.add(99.0 if number == 4321 else 1.0)
    assert len(plotted.points) <= account.POINTS
    assert max(plotted.points) == 99.0


def test_hostile_text_stays_text():
    nasty = "| x | `y` <script>alert(1)</script>\n\n## Mode Changes"
    text = markdown(Intent("deploy", nasty, nasty), Undone("deploy", nasty), ChaosSet("canary", nasty, {nasty: nasty}))
    assert "<script" not in text
    assert [row[1:3] for row in table(text, "Commands")[1:]] == [("deploy", "✘ undone")]
    assert text.count("\n## Mode Changes") == 1

"""The journal's lines: round trips, and a chain in which every change is found."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.model import journal
from swiftdeploy.model.decision import Decision
from swiftdeploy.model.event import (
    Blocked,
    ChaosSet,
    Committed,
    Decided,
    Entry,
    Finished,
    Intent,
    JournalRepaired,
    StatusScrape,
    Unchanged,
    Undone,
)
from swiftdeploy.model.state import Instance, Release, Settings, State

NUMBERS = st.floats(allow_nan=False)
FACTS = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
RELEASES = st.builds(Release, cpus=st.none() | NUMBERS)
STATES = st.builds(
    State,
    instances=st.lists(st.builds(Instance, release=RELEASES), max_size=2).map(tuple),
    settings=st.none() | st.builds(Settings, proxy_timeout_seconds=NUMBERS),
)
EVENTS = st.one_of(
    st.builds(Intent),
    st.builds(Decided, decision=st.builds(Decision, input=FACTS, checked=FACTS)),
    st.builds(Blocked),
    st.builds(Committed, state=STATES),
    st.builds(Finished),
    st.builds(Unchanged),
    st.builds(Undone),
    st.builds(ChaosSet, options=FACTS),
    st.builds(StatusScrape, error_rate_percent=st.none() | NUMBERS, p99_latency_ms=st.none() | NUMBERS),
    st.builds(JournalRepaired),
)
AT = "2026-05-05T20:34:51.000Z"


def chained(*events: object) -> list[str]:
    lines: list[str] = []
    prev = journal.GENESIS
    for event in events:
        lines.append(journal.encode(event, len(lines) + 1, AT, "run", "me@here", prev))  # type: ignore[arg-type]
        prev = journal.decode(lines[-1]).hash
    return lines


def proof(lines: list[str], head: str = "") -> journal.Verdict:
    return journal.verify(journal.read(lines, "history.jsonl"), head)


FIVE = chained(
    Intent("deploy", "1.0.0 é ✔"),
    StatusScrape("stable", 0.5, 5.0, None, True, True, 300),
    ChaosSet("canary", "error", {"rate": 0.6}),
    Undone("deploy", "it was killed"),
    JournalRepaired(7),
)


@settings(max_examples=200)
@given(event=EVENTS, texts=st.tuples(st.text(), st.text(), st.text()), seq=st.integers(min_value=1))
def test_every_event_comes_back_exactly_as_it_was_written(event, texts, seq):
    line = journal.encode(event, seq, *texts, prev=journal.GENESIS)
    assert journal.decode(line) == Entry(seq, *texts, event, journal.GENESIS, line[-66:-2])
    assert "\n" not in line
    assert line.isascii()


@given(number=st.sampled_from([math.nan, math.inf, -math.inf]))
def test_a_number_that_json_lacks_still_makes_a_line_of_strict_json(number):
    facts = {"deep": [{"x": number}]}
    line = journal.encode(Decided("deploy", Decision("canary", "none", (), facts, "opa", "")), 1, AT, "r", "a", "0")
    json.loads(line, parse_constant=pytest.fail)
    scrape = journal.decode(journal.encode(StatusScrape(None, number, None, None, None, None), 1, AT, "r", "a", "0"))
    assert isinstance(scrape.event, StatusScrape)
    assert str(scrape.event.error_rate_percent) == str(number)


def test_lines_use_the_names_of_the_article():
    release = Release("1f", "1.0.0", "app", "sha256:ab", (), False, 3000, "", "/healthz", "/metrics", None, None)
    state = State("local", 1, (Instance("canary-1", "canary", release),), 100)
    lines = chained(
        Committed("deploy", "stable", State(), "sha256:m"),
        Committed("promote", "canary", state, "sha256:m"),
        Blocked("deploy", "infrastructure", ("disk_free_gb is 1",)),
        Blocked("promote", "canary", ("error_rate",)),
        StatusScrape("canary", 62.5, 5.0, "error", True, False, 30),
    )
    deploy, promote, blocked, canary, scrape = map(json.loads, lines)
    assert (deploy["event"], deploy["mode"]) == ("deploy", "stable")
    assert (promote["event"], promote["target_mode"], promote["image_digest"]) == ("promote", "canary", "sha256:ab")
    assert (blocked["event"], blocked["reason"]) == ("deploy_blocked", "infrastructure_policy")
    assert (canary["event"], canary["reason"]) == ("promote_blocked", "canary_policy")
    assert scrape | {"error_rate_percent": 62.5, "chaos": "error", "policy_canary_pass": False} == scrape


def test_an_event_of_a_newer_version_is_kept_as_it_is():
    line = chained(journal.Unknown("rollout", {"steps": [10, 50]}))[0]
    entry = journal.decode(line)
    assert entry.event == journal.Unknown("rollout", {"steps": [10, 50]})
    assert proof([line]).ok


@pytest.mark.parametrize(
    "fields",
    [
        {"verb": "deploy"},
        {"verb": "fly", "goal": ""},
        {"verb": "deploy", "goal": 1},
        {"verb": "deploy", "goal": "", "x": 1},
    ],
)
def test_a_known_event_with_other_fields_is_refused_and_not_guessed(fields):
    with pytest.raises(ValueError, match="`intent` event that this version of SwiftDeploy cannot read"):
        journal.decode(chained_unchecked("intent", fields))


def chained_unchecked(name: str, fields: dict[str, object]) -> str:
    return journal.encode(journal.Unknown(name, fields), 1, AT, "r", "a", journal.GENESIS)  # type: ignore[arg-type]


@given(st.text())
def test_any_text_that_is_no_line_is_a_value_error(text):
    with pytest.raises(ValueError, match="is not a line"):
        journal.decode(text)


def test_an_untouched_chain_is_whole_with_every_head_it_ever_had():
    heads = [journal.GENESIS, *(line[-66:-2] for line in FIVE)]
    assert all(proof(FIVE, head).ok for head in heads)
    assert proof(FIVE) == journal.Verdict(True, 5, heads[-1])
    assert proof([]) == journal.Verdict(True, 0, journal.GENESIS)


@settings(max_examples=300)
@given(data=st.data())
def test_any_changed_character_is_found_and_its_line_named(data):
    number = data.draw(st.integers(0, len(FIVE) - 1))
    at = data.draw(st.integers(0, len(FIVE[number]) - 1))
    new = data.draw(st.characters(exclude_characters=FIVE[number][at], exclude_categories=("Cs",)))
    lines = list(FIVE)
    lines[number] = lines[number][:at] + new + lines[number][at + 1 :]
    verdict = proof(lines)
    assert (verdict.ok, verdict.line) == (False, number + 1)


@pytest.mark.parametrize("spelling", [FIVE[1].replace(":0.5,", ":0.50,"), FIVE[1].replace('"seq":2', '"seq": 2')])
def test_a_line_spelled_anew_with_the_same_meaning_is_found(spelling):
    assert json.loads(spelling) == json.loads(FIVE[1])
    assert proof([FIVE[0], spelling, *FIVE[2:]]).line == 2


@pytest.mark.parametrize("one", range(5))
@pytest.mark.parametrize("other", range(5))
def test_exchanged_lines_are_found(one, other):
    lines = list(FIVE)
    lines[one], lines[other] = lines[other], lines[one]
    verdict = proof(lines)
    assert verdict.ok == (one == other)
    assert verdict.line == (0 if one == other else min(one, other) + 1)


@pytest.mark.parametrize("at", range(4))
def test_a_line_removed_before_the_end_is_found(at):
    verdict = proof(FIVE[:at] + FIVE[at + 1 :])
    assert (verdict.ok, verdict.line) == (False, at + 1)


@pytest.mark.parametrize("at", range(5))
def test_a_doubled_line_is_found(at):
    verdict = proof(FIVE[: at + 1] + FIVE[at:])
    assert (verdict.ok, verdict.line) == (False, at + 2)


@pytest.mark.parametrize("kept", range(5))
def test_a_cut_end_is_found_with_the_head_and_only_with_it(kept):
    assert proof(FIVE[:kept]).ok
    verdict = proof(FIVE[:kept], FIVE[-1][-66:-2])
    assert not verdict.ok
    assert "cut off" in verdict.why


def test_an_end_written_anew_is_found_with_the_head():
    forged = [*FIVE[:3], journal.encode(Unchanged("deploy", ""), 4, AT, "r", "a", FIVE[2][-66:-2])]
    assert proof(forged).ok
    assert not proof(forged, FIVE[-1][-66:-2]).ok


def test_an_entry_that_lies_about_its_number_is_found():
    lied = replace(journal.decode(FIVE[0]), seq=2)
    assert journal.verify([lied]).line == 1


def test_verifying_goes_on_behind_the_first_break_to_count_what_can_be_read():
    verdict = proof([FIVE[0], *FIVE[2:]])
    assert (verdict.line, verdict.entries, verdict.head) == (2, 4, FIVE[-1][-66:-2])

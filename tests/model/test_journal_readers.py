"""What the chain says of now: what runs, what was cut off, where a rollback goes."""

from __future__ import annotations

from swiftdeploy.model import journal
from swiftdeploy.model.event import Blocked, Committed, Entry, Event, Finished, Intent, StatusScrape, Unchanged, Undone
from swiftdeploy.model.state import Instance, Release, State

SCRAPE = StatusScrape("stable", None, None, None, None, None)
INTENT = Intent("promote", "canary 25 %")


def release(name: str) -> Release:
    return Release(name, name, "app", "", (), False, 3000, "", "/healthz", "/metrics", None, None)


def state(stable: str = "", canary: str = "") -> State:
    tracks = (("stable", stable), ("canary", canary))
    return State("local", 1, tuple(Instance(f"{track}-1", track, release(name)) for track, name in tracks if name))  # type: ignore[arg-type]


def commit(stable: str = "", canary: str = "", verb: str = "deploy", left: str = "") -> Committed:
    return Committed(verb, "canary" if canary else "stable", state(stable, canary), "", left)  # type: ignore[arg-type]


def backwards(*events: Event) -> list[Entry]:
    return [Entry(seq, "", "", "", event, "", "") for seq, event in enumerate(events, 1)][::-1]


def target(*events: Committed) -> str | None:
    found = journal.rollback_target(backwards(*events), events[-1].state)
    return found.id if found else None


def test_what_runs_is_the_newest_commit_whatever_was_written_behind_it():
    last = commit("b")
    assert journal.committed(backwards(commit("a"), last, Finished("deploy"), SCRAPE, INTENT)) == last
    assert journal.committed([]) is None


def test_an_intent_without_outcome_is_unfinished():
    assert journal.unfinished(backwards(commit("a"), Finished("deploy"), INTENT, SCRAPE)) == INTENT
    assert journal.interrupted(backwards(INTENT)) == Entry(1, "", "", "", INTENT, "", "")


def test_a_blocked_command_stays_unfinished_until_it_is_undone():
    blocked = Blocked("promote", "canary", ())
    assert journal.unfinished(backwards(INTENT, blocked)) == INTENT
    assert journal.unfinished(backwards(INTENT, blocked, Undone("promote", "denied"))) is None


def test_a_commit_is_unfinished_until_it_is_finished():
    assert journal.unfinished(backwards(INTENT, commit("a"))) == commit("a")
    assert journal.unfinished(backwards(INTENT, commit("a"), Finished("deploy"), SCRAPE)) is None


def test_nothing_is_unfinished_in_an_empty_journal_or_after_unchanged():
    assert journal.unfinished([]) is None
    assert journal.unfinished(backwards(INTENT, Unchanged("deploy", ""))) is None


def test_a_rollback_goes_to_the_newest_earlier_release_of_the_stable_track():
    assert target(commit("a"), commit("b"), commit("b", "c", "promote"), commit("c", verb="promote")) == "b"


def test_a_release_that_was_only_a_canary_is_no_way_back():
    assert target(commit("a"), commit("a", "b", "promote"), commit("a", verb="rollback", left="b"), commit("c")) == "a"


def test_rollbacks_in_a_row_go_further_back_and_never_to_what_was_left():
    history = [commit("a"), commit("b"), commit("c"), commit("b", verb="rollback", left="c")]
    assert target(*history) == "a"
    assert target(*history, commit("a", verb="rollback", left="b")) is None


def test_a_release_deployed_again_after_it_was_left_is_a_way_back_again():
    again = [commit("a"), commit("b"), commit("a", verb="rollback", left="b"), commit("b"), commit("c")]
    assert target(*again) == "b"


def test_what_ran_before_a_teardown_is_no_way_back():
    assert target(commit("a"), commit(verb="teardown"), commit("b")) is None


def test_a_canary_that_runs_alone_goes_back_to_an_earlier_stable_release():
    assert target(commit("a"), commit("", "b", "promote")) == "a"


def test_kept_are_those_that_run_and_then_those_that_rollbacks_go_back_to():
    history = [commit(name) for name in "abcdefg"]
    assert journal.kept_releases(backwards(*history)) == ("g", "f", "e", "d", "c")
    assert journal.kept_releases(backwards(*history, commit("g", "h", "promote")), 3) == ("g", "h", "f")


def test_a_left_release_takes_no_place_among_the_kept():
    history = [commit("a"), commit("b"), commit("a", verb="rollback", left="b")]
    assert journal.kept_releases(backwards(*history)) == ("a",)
    assert journal.kept_releases([]) == ()

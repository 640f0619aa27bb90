"""The journal on a real disk: torn tails, many writers, refusing disks."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from swiftdeploy.edge.history import History
from swiftdeploy.model import journal
from swiftdeploy.model.errors import EnvironmentMissing, Unreadable
from swiftdeploy.model.event import ChaosSet, Intent, JournalRepaired, StatusScrape, Undone

SCRAPE = StatusScrape("stable", 0.5, 5.0, None, True, True, 300)
WRITER = """
import sys
from pathlib import Path
from swiftdeploy.edge.history import History
from swiftdeploy.model.event import Undone
history = History(Path(sys.argv[1]), sys.argv[2], "me@here")
for number in range(40):
    history.append(Undone("deploy", str(number)))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


@pytest.fixture
def history(path: Path) -> History:
    return History(path, "run-1", "me@here", lambda: "2026-05-05T20:34:51.000Z")


def whole(history: History) -> bool:
    return journal.verify(history.entries(), history.head()).ok


def test_an_absent_journal_is_empty_and_is_not_made_by_reading(history, path):
    assert [*history.entries(), *history.backwards(), *history.changes()] == []
    assert history.head() == journal.GENESIS
    assert not path.exists()


def test_what_was_appended_is_read_back_in_both_directions(history):
    written = [history.append(event) for event in (Intent("deploy", "1.0.0"), SCRAPE, ChaosSet("canary", "error"))]
    assert list(history.entries()) == written
    assert list(history.backwards()) == written[::-1]
    assert list(history.changes()) == [written[2], written[0]]
    assert history.head() == written[-1].hash
    assert [entry.seq for entry in written] == [1, 2, 3]
    assert whole(history)


def test_the_clock_of_this_machine_gives_utc_with_milliseconds(path):
    entry = History(path, "r", "a").append(SCRAPE)
    assert len(entry.timestamp) == len("2026-05-05T20:34:51.000Z")
    assert entry.timestamp.endswith("Z")


def test_reading_backwards_joins_lines_across_blocks(history):
    long = [history.append(Undone("deploy", "é" * length)) for length in (10, 30_000, 1, 11_000, 70_000, 3)]
    assert list(history.backwards()) == long[::-1]


def test_a_line_torn_at_any_byte_is_passed_over_then_cut_off_and_that_is_recorded(history, path):
    first, second = Intent("deploy", "1.0.0"), Undone("deploy", "x")
    history.append(first)
    kept = path.stat().st_size
    history.append(second)
    text = path.read_bytes()
    for size in range(kept, len(text)):
        path.write_bytes(text[:size])
        entry_is_whole = size == len(text) - 1  # only its line end is missing
        survivors = [first, second] if entry_is_whole else [first]
        assert [entry.event for entry in history.entries()] == survivors
        assert [entry.event for entry in history.backwards()] == survivors[::-1]
        history.append(SCRAPE)
        repaired = [] if entry_is_whole or size == kept else [JournalRepaired(size - kept)]
        assert [entry.event for entry in history.entries()] == [*survivors, *repaired, SCRAPE]
        assert whole(history)


@pytest.mark.parametrize("tail", [b"\0" * 300, b'{"seq":2,"time\0\0\0\0"}\n', b'{"seq":2,"time\n', b'{"se', b"\n"])
def test_what_a_power_cut_may_leave_is_cut_off(history, path, tail):
    first = history.append(Intent("deploy", "1.0.0"))
    with path.open("ab") as file:
        file.write(tail)
    assert history.head() == first.hash
    history.append(SCRAPE)
    assert [entry.event for entry in history.entries()] == [first.event, JournalRepaired(len(tail)), SCRAPE]


def test_a_first_line_that_is_torn_leaves_a_new_beginning(history, path):
    path.write_bytes(b'{"seq":1,"timest')
    history.append(SCRAPE)
    assert [entry.event for entry in history.entries()] == [JournalRepaired(16), SCRAPE]
    assert whole(history)


@pytest.mark.parametrize("text", ["hello\n", "hello", "{}\n", '{"event":"deploy","mode":"stable"}\n'])
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(history, path, text):
    path.write_text(text)
    for use in (lambda: history.append(SCRAPE), history.head):
        with pytest.raises(journal.BadLine, match=r"history.jsonl:1: is not a line of this journal"):
            use()
    assert path.read_text() == text


def test_a_changed_last_line_is_no_torn_one(history, path):
    history.append(Intent("deploy", "1.0.0"))
    history.append(Intent("deploy", "2.0.0"))
    path.write_text(path.read_text().replace("2.0.0", "3.0.0"))
    for use in (lambda: history.append(SCRAPE), history.head, lambda: list(history.entries())):
        with pytest.raises(Unreadable, match=r"history.jsonl:2: was changed after it was written"):
            use()


def test_garbage_in_the_middle_stops_both_directions_at_its_line(history, path):
    history.append(Intent("deploy", "1.0.0"))
    with path.open("ab") as file:
        file.write(b"\xff\xfe garbage\n")
    with pytest.raises(journal.BadLine):
        history.append(SCRAPE)
    good = journal.encode(SCRAPE, 3, "", "", "", "")
    with path.open("a") as file:
        file.write(good + "\n")
    backwards = history.backwards()
    assert next(backwards).event == SCRAPE
    with pytest.raises(journal.BadLine, match=r"history\.jsonl:2:"):
        next(backwards)
    forwards = history.entries()
    next(forwards)
    with pytest.raises(journal.BadLine, match=r"history\.jsonl:2:"):
        next(forwards)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_unreadable_and_nothing_hangs(history, path, make):
    make(path)
    for use in (lambda: history.append(SCRAPE), history.head, lambda: list(history.entries())):
        with pytest.raises(Unreadable, match="cannot be used as the journal"):
            use()


def test_a_path_that_cannot_be_followed_is_unreadable(history, path):
    path.symlink_to(path)
    for use in (lambda: history.append(SCRAPE), history.head):
        with pytest.raises(Unreadable, match="cannot be used as the journal"):
            use()


def test_many_processes_keep_one_chain(history, path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"run-{number}"]) for number in range(4)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    assert whole(history)
    by_run: dict[str, list[str]] = {}
    for entry in history.entries():
        assert isinstance(entry.event, Undone)
        by_run.setdefault(entry.run, []).append(entry.event.reason)
    assert by_run == {f"run-{number}": [str(one) for one in range(40)] for number in range(4)}


class Disk:
    """An fsync that fails as often as told, and then works."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def __call__(self, fd: int) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise OSError(errno.EIO, "Input/output error")


def test_an_fsync_that_fails_once_is_repeated_after_writing_again(path, history):
    entry = History(path, "r", "a", sync=Disk(1)).append(SCRAPE)
    assert list(history.entries()) == [entry]


def test_an_append_that_the_disk_refuses_leaves_nothing_behind(path, history):
    first = history.append(Intent("deploy", "1.0.0"))
    with pytest.raises(EnvironmentMissing, match="Input/output error"):
        History(path, "r", "a", sync=Disk(2)).append(SCRAPE)
    assert list(history.entries()) == [first]
    history.append(SCRAPE)
    assert whole(history)


def test_a_full_disk_leaves_nothing_behind(path, history):
    first = history.append(Intent("deploy", "1.0.0"))
    limited = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size + 20},) * 2);{WRITER}"
    )
    ended = subprocess.run([sys.executable, "-c", limited, str(path), "r"], capture_output=True, text=True, timeout=60)
    assert "could not be written" in ended.stderr
    assert list(history.entries()) == [first]

"""The end of the window log, however it was rotated, and no more than a window of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.engines.local import windowlog
from swiftdeploy.model.proxylog import MARK


def line(at: float, more: str = "x") -> str:
    return f"{MARK}\t{at:.3f}\tcanary-1\t/{more}\t200"


def write(path: Path, *lines: str) -> None:
    path.write_text("".join(f"{one}\n" for one in lines))


@given(st.lists(st.integers(0, 100), max_size=60), st.integers(0, 110), st.integers(1, 300), st.booleans())
@settings(max_examples=80, deadline=None)
def test_every_line_of_the_window_is_there_in_order_whatever_the_block_size(
    tmp_path_factory: pytest.TempPathFactory, times: list[int], since: int, block: int, junk: bool
) -> None:
    path = tmp_path_factory.mktemp("logs") / "window.log"
    whole = [line(at, "x" * at) for at in sorted(times)]
    write(path, *(one for at in whole for one in ((at, "a notice") if junk else (at,))))
    before, windowlog.BLOCK = windowlog.BLOCK, block
    try:
        found = windowlog.lines(path, float(since))
    finally:
        windowlog.BLOCK = before
    wanted = [one for one in whole if float(one.split("\t")[1]) >= since]
    assert [one for one in found if one in wanted] == wanted
    assert set(found) <= {*whole, "a notice"}


def test_only_the_end_of_a_large_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "window.log"
    write(path, *(line(at) for at in range(100_000)))
    assert len(windowlog.lines(path, 99_990.0)) < 2 * windowlog.BLOCK / len(line(99_990))


def test_of_a_log_beyond_all_measure_the_newest_part_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windowlog, "BLOCK", 1000)
    monkeypatch.setattr(windowlog, "MOST_BYTES", 5000)
    path = tmp_path / "window.log"
    write(path, *(line(at) for at in range(1000)))
    found = windowlog.lines(path, 0.0)
    assert 50 < len(found) < 150
    assert found[-1] == line(999)


def test_lines_that_old_workers_still_write_to_the_rotated_file_are_there(tmp_path: Path) -> None:
    write(tmp_path / "window.log.1", line(1), line(12))
    write(tmp_path / "window.log", line(11), line(13))
    assert set(windowlog.lines(tmp_path / "window.log", 10.0)) >= {line(12), line(11), line(13)}


def test_between_the_two_steps_of_a_rotation_nothing_is_missed(tmp_path: Path) -> None:
    write(tmp_path / "window.log.1", line(12))
    assert windowlog.lines(tmp_path / "window.log", 10.0) == (line(12),)


def test_a_file_met_under_both_names_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "window.log", line(12))
    os.link(tmp_path / "window.log", tmp_path / "window.log.1")
    assert windowlog.lines(tmp_path / "window.log", 10.0) == (line(12),)


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    (tmp_path / "window.log").write_text(f"{line(11)}\n{line(12)}")
    assert windowlog.lines(tmp_path / "window.log", 0.0) == (line(11),)


def test_no_log_and_an_unreadable_one_have_no_lines(tmp_path: Path) -> None:
    assert windowlog.lines(tmp_path / "window.log", 0.0) == ()
    (tmp_path / "window.log").mkdir()
    assert windowlog.lines(tmp_path / "window.log", 0.0) == ()


def test_a_grown_log_is_moved_aside_once_a_window_and_nothing_of_the_window_is_lost(tmp_path: Path) -> None:
    path, since = tmp_path / "window.log", time.time() - 5
    write(path, line(since + 1))
    assert not windowlog.rotate(path, 1000, since), "small enough"
    assert windowlog.rotate(path, 10, since)
    write(path, line(since + 2))
    assert not windowlog.rotate(path, 10, since), "the copy that would be lost is of this window"
    assert windowlog.lines(path, since) == (line(since + 1), line(since + 2))
    assert windowlog.rotate(path, 10, time.time() + 5), "a later window may"

"""Log files: last lines and following, through rotation."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import Queue

from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.engines.local import logs

LINES = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30), max_size=30)


@given(LINES, st.integers(0, 40), st.integers(1, 64))
@settings(max_examples=60, deadline=None)
def test_the_tail_is_the_last_lines_whatever_the_block_size(
    tmp_path_factory: object, lines: list[str], wanted: int, block: int
) -> None:
    path = tmp_path_factory.mktemp("logs") / "a.log"  # type: ignore[attr-defined]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    before, logs.BLOCK = logs.BLOCK, block
    try:
        assert list(logs.tail(path, wanted)) == (lines[-wanted:] if wanted else [])
    finally:
        logs.BLOCK = before


def test_the_tail_reaches_into_the_rotated_file(tmp_path: Path) -> None:
    (tmp_path / "a.log.1").write_text("1\n2\n3\n")
    (tmp_path / "a.log").write_text("4\n")
    assert logs.tail(tmp_path / "a.log", 3) == ("2", "3", "4")


def test_a_missing_log_has_no_tail(tmp_path: Path) -> None:
    assert logs.tail(tmp_path / "a.log", 3) == ()


def test_following_gives_lines_that_come_through_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    seen: Queue[str] = Queue()
    logs.POLL_SECONDS, before = 0.01, logs.POLL_SECONDS
    lines = logs.follow(path)

    def read() -> None:
        for line in lines:
            seen.put(line)
            if line == "last":
                return

    reader = threading.Thread(target=read, daemon=True)
    try:
        with path.open("a") as file:
            reader.start()
            while seen.empty():  # until the reader stands at the end of the file
                file.write("tick\n")
                file.flush()
                threading.Event().wait(0.02)
            file.write("before\n")
        path.rename(tmp_path / "a.log.1")
        path.write_text("after\nlast\n")
        reader.join(10)
    finally:
        logs.POLL_SECONDS = before
    assert [line for line in seen.queue if line != "tick"] == ["before", "after", "last"]


def test_only_a_grown_log_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("12345")
    logs.rotate(path, 5)
    assert path.exists()
    logs.rotate(path, 4)
    assert (tmp_path / "a.log.1").read_text() == "12345"


def test_pruning_keeps_the_newest_logs_of_instances_and_all_others(tmp_path: Path) -> None:
    import os

    for number in range(5):
        path = tmp_path / f"canary-{number}.log"
        path.touch()
        os.utime(path, (number, number))
    (tmp_path / "proxy.log").touch()
    logs.prune(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["canary-3.log", "canary-4.log", "proxy.log"]

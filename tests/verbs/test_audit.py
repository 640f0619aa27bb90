"""audit writes what the journal says, of a broken one too, and verify proves or disproves it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.edge.history import History
from swiftdeploy.flow.world import World
from swiftdeploy.model.errors import Unreadable
from swiftdeploy.model.event import ChaosSet, Intent, Undone
from swiftdeploy.verbs import audit


class Folder:
    """Only the part of Files that an audit may use."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str, private: bool = False) -> None:
        (self.root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def history(tmp_path: Path) -> History:
    history = History(tmp_path / "history.jsonl", "r", "me@here")
    for event in (Intent("deploy", "1.0.0"), Undone("deploy", "stopped"), ChaosSet("canary", "slow", {})):
        history.append(event)
    return history


@pytest.fixture
def world(tmp_path: Path, history: History) -> World:
    given: dict[str, Any] = {one.name: None for one in fields(World)}
    return World(**given | {"journal": history, "files": Folder(tmp_path)})


def test_both_reports_are_written_and_are_the_same_each_time(world, tmp_path):
    assert audit.audit(world).ok
    first = [(tmp_path / name).read_bytes() for name in (audit.MARKDOWN, audit.HTML)]
    audit.audit(world)
    assert [(tmp_path / name).read_bytes() for name in (audit.MARKDOWN, audit.HTML)] == first
    assert b"## Mode Changes" in first[0]
    assert first[1].startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("was", "becomes", "line", "shown"),
    [
        (b'"slow"', b'"fast"', 3, "2 entries"),
        (b"\n{", b"\nx\n{", 2, "1 entries"),
        (b"stopped", b"STOPPED", 2, "1 entries"),
    ],
)
def test_a_broken_journal_is_reported_up_to_the_break(world, tmp_path, was, becomes, line, shown):
    path = tmp_path / "history.jsonl"
    path.write_bytes(path.read_bytes().replace(was, becomes, 1))
    verdict = audit.audit(world)
    assert (verdict.ok, verdict.line) == (False, line)
    text = (tmp_path / audit.MARKDOWN).read_text(encoding="utf-8")
    assert "cannot be trusted" in text
    assert f"{shown} could be read" in text
    assert not audit.verify(world).ok


def test_verify_proves_every_head_that_was_printed_also_shortened(world, history):
    assert audit.verify(world).ok
    assert audit.verify(world, history.head()).ok
    assert audit.verify(world, f" {history.head()[:12].upper()} ").ok
    assert not audit.verify(world, "f" * 64).ok


@pytest.mark.parametrize("head", ["abc", "x" * 64, "0" * 65])
def test_a_head_that_is_no_hash_is_a_usage_error(world, head):
    with pytest.raises(Unreadable, match="is no hash"):
        audit.verify(world, head)


def test_a_cut_end_is_found_with_the_head(world, history, tmp_path):
    head, path = history.head(), tmp_path / "history.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert audit.verify(world).ok
    assert not audit.verify(world, head).ok


def test_without_a_journal_the_report_is_empty_and_whole(world, tmp_path):
    (tmp_path / "history.jsonl").unlink()
    assert audit.audit(world).entries == 0
    assert (tmp_path / audit.MARKDOWN).exists()


def test_a_journal_that_is_no_file_is_unreadable(world, tmp_path):
    (tmp_path / "history.jsonl").unlink()
    (tmp_path / "history.jsonl").mkdir()
    with pytest.raises(Unreadable):
        audit.audit(world)

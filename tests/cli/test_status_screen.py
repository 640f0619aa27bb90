"""The dashboard as people see it: on terminals of all sizes, without colour, in a pipe, and over a stack in trouble."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from project import Project

from swiftdeploy.cli import screen
from swiftdeploy.flow.world import Part
from swiftdeploy.model.decision import Decision
from swiftdeploy.model.figures import Figures
from swiftdeploy.model.state import Instance, Release, State, Track
from swiftdeploy.verbs.status import Snapshot, TrackView

RELEASE = Release("1f0c9a3b2d4e", "2.0.0", "i", "d", (), False, 3000, "", "/healthz", "/metrics", None, None)
GOOD, BAD, FEW = Figures(200, 0, 0.0, 5.0), Figures(200, 120, 60.0, 5.0), Figures(3, 3, 100.0, 5.0)
DENIED = Decision("canary", "deny", ("error_rate is 60.00%, maximum allowed is 1.00%",), {}, "opa", "")
LACKING = Decision(
    "canary", "none", ("error_rate is null, maximum allowed is 1.00%", "samples is 3, minimum required is 100"),
    {}, "opa", "", evidence="insufficient", failure="too little evidence",
)  # fmt: skip
STYLES = re.compile(r"\x1b\[[0-9;]*m")
MOVES = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]")


class Terminal(io.StringIO):
    """A stdout that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], Terminal]:
    def made(width: int, height: int) -> Terminal:
        out = Terminal()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setenv("TERM", "xterm-256color")
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(os, "get_terminal_size", lambda _fd=0: os.terminal_size((width, height)))
        return out

    return made


def view(track: Track, figures: Figures = GOOD, answers: bool = True) -> TrackView:
    part = Part(f"{track}-1", "running", 1)
    chaos, uptime = ("none", 7.0) if answers else (None, None)
    trouble = "" if answers else f"{part.name} does not answer at its metrics page"
    return TrackView(track, part.name, RELEASE.label, "2.0.0", part, 50, 12.5, figures, chaos, uptime, answers, trouble)


def shot(
    *tracks: TrackView, canary: Decision = DENIED, notes: tuple[str, ...] = (), judge: str = "running"
) -> Snapshot:
    instances = tuple(Instance(one.instance, one.track, RELEASE) for one in tracks)
    others = (Part("proxy", "running", 1), Part("judge", judge, 1))  # type: ignore[arg-type]
    infra = Decision("infrastructure", "allow", (), {}, "opa", "")
    decisions = {"infrastructure": infra, "canary": canary}
    parts = (*(one.part for one in tracks), *others)
    return Snapshot(State("local", 2, instances, 50), "canary", tracks, parts, decisions, notes, 5.0, 100)  # type: ignore[arg-type]


BOTH = shot(view("stable"), view("canary", BAD), notes=("manifest asks 3.0.0, 2.0.0 runs",))


def frames(out: Terminal) -> list[str]:
    """What each redraw put on the screen."""
    text = out.getvalue().rpartition("\x1b[?1049l")[0] or out.getvalue()
    return [MOVES.sub("", one) for one in text.split("\x1b[H")[1:]]


def printed(one: Snapshot, capsys: pytest.CaptureFixture[str]) -> str:
    screen.print_once(one, False)
    return capsys.readouterr().out


def test_in_a_pipe_each_picture_is_there_before_the_next_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    def shots() -> Iterator[Snapshot]:
        for _ in range(3):
            yield BOTH
            assert capsys.readouterr().out.count("Status Dashboard") == 1

    screen.show(shots(), 1.0, True)


def test_in_a_pipe_there_are_no_escape_codes_even_where_colour_is_forced(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    screen.print_once(BOTH, True)
    screen.show([BOTH], 1.0, True)
    assert "\x1b" not in capsys.readouterr().out


def test_without_colour_a_terminal_gets_no_styles_at_all(terminal: Callable[[int, int], Terminal]) -> None:
    out = terminal(120, 40)
    screen.print_once(BOTH, False)
    assert "\x1b" not in out.getvalue()
    screen.show([BOTH, BOTH], 1.0, False)
    assert STYLES.findall(out.getvalue()) == []


def test_with_colour_what_the_policy_denies_is_red_and_the_rest_is_not(
    terminal: Callable[[int, int], Terminal],
) -> None:
    out = terminal(120, 40)
    screen.print_once(BOTH, True)
    assert "\x1b[31m60.00%" in out.getvalue()
    assert "\x1b[31m5.0ms" not in out.getvalue()


@pytest.mark.parametrize(("width", "height"), [(120, 40), (80, 24), (60, 20), (40, 10)])
def test_policy_compliance_is_seen_on_a_terminal_of_any_size(
    terminal: Callable[[int, int], Terminal], width: int, height: int
) -> None:
    out = terminal(width, height)
    screen.show([BOTH] * 3, 1.0, False)
    seen = frames(out)[-1].splitlines()
    assert len(seen) <= height
    text = "\n".join(seen)
    assert "✘  canary               FAIL" in text
    assert "error_rate is 60.00%" in text


@pytest.mark.parametrize(("width", "height"), [(120, 40), (80, 24), (60, 20)])
def test_all_of_both_tracks_fits_on_small_terminals(
    terminal: Callable[[int, int], Terminal], width: int, height: int
) -> None:
    out = terminal(width, height)
    screen.show([BOTH] * 3, 1.0, False)
    text = frames(out)[-1]
    assert text.count("P99 latency") == 2
    assert "Ctrl+C" in text


def test_a_resized_terminal_is_filled_wholly_with_the_new_picture(
    terminal: Callable[[int, int], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = terminal(120, 40)

    def shots() -> Iterator[Snapshot]:
        yield BOTH
        monkeypatch.setattr(os, "get_terminal_size", lambda _fd=0: os.terminal_size((60, 20)))
        yield BOTH

    screen.show(shots(), 1.0, False)
    assert [len(line) for line in frames(out)[-1].splitlines()] == [60] * 20


def test_each_track_has_the_course_of_its_rate_errors_and_p99(terminal: Callable[[int, int], Terminal]) -> None:
    out = terminal(120, 40)
    screen.show([shot(view("stable"), view("canary", one)) for one in (GOOD, BAD, GOOD)], 1.0, False)
    lines = [line.rstrip() for line in frames(out)[-1].splitlines()]
    assert [line[-3:] for line in lines if line.startswith("req/s")] == ["███", "███"]
    assert [line[-3:] for line in lines if line.startswith("error rate")] == ["▁▁▁", "▁█▁"]
    assert [line[-3:] for line in lines if line.startswith("P99")] == ["███", "███"]


def test_a_new_instance_begins_a_course_of_its_own(terminal: Callable[[int, int], Terminal]) -> None:
    out = terminal(120, 40)
    screen.show([shot(view("stable"))] * 3 + [shot(view("canary"))], 1.0, False)
    assert not set(screen.BARS) & set(frames(out)[-1])


def test_proxy_and_judge_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(shot(view("stable"), judge="stopped"), capsys)
    assert re.search(r"^proxy +: running$", text, re.M)
    assert re.search(r"^judge +: stopped$", text, re.M)


def test_a_track_that_does_not_answer_says_so_and_shows_no_figures(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(shot(view("canary", Figures(), answers=False), canary=LACKING), capsys)
    assert "does not answer at its metrics page" in text
    assert "12.5" not in text
    assert "chaos       : unknown" in text


def test_too_little_evidence_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(shot(view("canary", FEW), canary=LACKING), capsys)
    assert "?  canary               NO EVIDENCE (3 of 100)" in text
    assert "!" not in text
    assert "100.00%" not in text


def test_texts_from_files_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in printed(shot(view("stable"), notes=("manifest asks \x1b[2J",)), capsys)


def test_a_live_dashboard_in_no_project_ends_with_exit_2_and_leaves_no_file(tmp_path: Path) -> None:
    project = Project(tmp_path / "shop", tmp_path)
    project.root = tmp_path / "empty"
    project.root.mkdir()
    done = project.run("status", timeout=30)
    assert (done.status, done.out) == (2, "")
    assert "swiftdeploy init" in done.err
    assert list(project.root.iterdir()) == []


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "shop", tmp_path)
    yield made
    made.close()


def test_an_app_that_is_stopped_in_its_tracks_is_told_from_a_running_one(project: Project) -> None:
    project.ok("deploy")
    parts = json.loads(project.ok("status", "--json").out)["parts"]
    pid = next(int(one["pid"]) for one in parts if one["name"].startswith("stable-"))
    os.kill(pid, signal.SIGSTOP)
    try:
        said = json.loads(project.ok("status", "--json").out)["tracks"][0]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (said["part"]["state"], said["answers"], said["figures"]["samples"]) == ("running", False, 0)


def test_a_check_of_a_stack_whose_processes_are_gone_ends_long_before_its_window(project: Project) -> None:
    project.set({"canary.window": 600, "services.restart_policy": "no"})
    project.ok("deploy")
    for one in project.processes():
        one.kill()
    done = project.run("status", "--check", timeout=60)
    assert done.status == 11
    assert "stopped" in done.err
    assert "swiftdeploy deploy" in done.err

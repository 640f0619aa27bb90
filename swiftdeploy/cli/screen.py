"""The dashboard. Only draws: colours come from the decisions, never from thresholds of its own."""

from __future__ import annotations

import signal
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import click
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from swiftdeploy.model import evidence
from swiftdeploy.model.decision import Decision, Gate
from swiftdeploy.verbs.status import Snapshot, TrackView, lacks_evidence

BARS = "▁▂▃▄▅▆▇█"
LABEL, VALUE = 12, 24  # columns of a row's name and of what it says, before its sparkline
WINDOWS = 30  # a sparkline's longest
PLAIN_WIDTH = 80  # of rules where no terminal says how wide it is
REDRAWS_PER_SECOND = 2  # so that a resized terminal is filled anew before the next picture
Layout = Literal["full", "compact", "tiny"]


class Point(NamedTuple):
    """What one window says of a track; None where it says nothing."""

    rate: float | None
    error_rate: float | None
    p99: float | None


Past = Mapping[str, Iterable[Point]]


@dataclass(frozen=True)
class Picture:
    """One snapshot as lines of text: the richest layout that fits where it is drawn. `past`: instance ids to the
    windows so far. `interval`: seconds between pictures that are drawn in place; None for one that may scroll."""

    shot: Snapshot
    past: Past = field(default_factory=dict)
    interval: float | None = None
    at: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    def lines(self, layout: Layout = "full", width: int = PLAIN_WIDTH) -> Iterator[Text]:
        """Policy comes first, so that no terminal is too small for it."""
        shot, gap = self.shot, layout == "full"
        yield Text(f"SwiftDeploy Status Dashboard  {self.at}", style="bold")
        if gap:
            yield Text("─" * width, style="dim")
            yield Text("")
        yield from _compliance(shot, width, layout)
        if not shot.tracks:
            yield from _section(Text("nothing runs: `swiftdeploy deploy` starts it"), gap)
        for track in shot.tracks:
            title = _rule(f"{track.track} {track.release}, {track.share} % of requests", width)
            yield from _section(title, gap)
            yield from _track(track, shot, tuple(self.past.get(track.instance, ())), layout, width)
        if shot.tracks:
            yield from _section(_rule("Parts", width), gap) if gap else ()
            yield from _parts(shot) if gap else (Text("   ").join(_parts(shot, label=0)),)
        yield from (Text(f"  note: {_printable(note)}", style="yellow") for note in shot.notes)
        if self.interval:
            yield from _section(Text(f"Refreshing every {self.interval:g}s - Ctrl+C to exit", style="dim"), gap)

    def plain(self) -> str:
        """For a file or a pipe."""
        return "\n".join(line.plain.rstrip() for line in self.lines())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, console.height if self.interval else sys.maxsize
        rows: list[Text] = []
        for layout in LAYOUTS:
            rows = [row for line in self.lines(layout, width) for row in line.wrap(console, width) or [line]]
            if len(rows) <= height:
                break
        else:
            rows[height - 1 :] = [Text(f"... {len(rows) - height + 1} more lines", style="dim")]
        yield Text("\n").join(rows)


LAYOUTS: tuple[Layout, ...] = ("full", "compact", "tiny")


def print_once(shot: Snapshot, colour: bool) -> None:
    """One picture, and the cursor stays where it ends."""
    if _is_screen():
        _console(colour).print(Picture(shot))
    else:
        click.echo(Picture(shot).plain())


def show(shots: Iterable[Snapshot], interval: float, colour: bool) -> None:
    """Draw each snapshot in place until `shots` ends or raises; where nothing can be drawn in place, print each."""
    pictures = _pictures(shots, interval)
    if not _is_screen():
        for picture in pictures:
            click.echo(picture.plain() + "\n")
        return
    console, last = _console(colour), None
    with _leaving_on_signals():
        try:
            with Live(console=console, screen=True, refresh_per_second=REDRAWS_PER_SECOND) as live:
                for last in pictures:
                    live.update(last, refresh=True)
        finally:  # the screen it was drawn on is gone
            if last:
                console.print(Picture(last.shot, last.past, None, last.at))


def sparkline(values: Iterable[float | None]) -> str:
    """One character a value, scaled to the largest; a blank where nothing is known."""
    known = tuple(values)
    top = max((one for one in known if one is not None), default=0.0)
    return "".join(
        " " if one is None else BARS[round((len(BARS) - 1) * one / top)] if top else BARS[0] for one in known
    )


def _pictures(shots: Iterable[Snapshot], interval: float) -> Iterator[Picture]:
    past: dict[str, deque[Point]] = {}
    for shot in shots:
        past = {one.instance: past.get(one.instance, deque(maxlen=WINDOWS)) for one in shot.tracks}
        for one in shot.tracks if shot.window_seconds or any(past.values()) else ():
            past[one.instance].append(_point(one, shot))
        yield Picture(shot, {name: tuple(points) for name, points in past.items()}, interval)


def _point(track: TrackView, shot: Snapshot) -> Point:
    if track.figures.samples < shot.min_samples:
        return Point(track.requests_per_second, None, None)
    return Point(track.requests_per_second, track.figures.error_rate_percent, track.figures.p99_latency_ms)


def _compliance(shot: Snapshot, width: int, layout: Layout) -> Iterator[Text]:
    yield _rule("Policy Compliance", width)
    for gate, decision in shot.decisions.items():
        yield from _decision(gate, decision, shot)
        if layout == "full" and decision.input.get("samples"):
            yield Text(f"     on {evidence.in_words(decision.input)}", style="dim")


def _decision(gate: Gate, decision: Decision, shot: Snapshot) -> Iterator[Text]:
    mark, word, colour = {
        "allow": ("✔", "PASS", "green"),
        "deny": ("✘", "FAIL", "red"),
        "none": ("?", "NO DECISION", "yellow"),
    }[decision.outcome]
    reasons: tuple[str, ...] = (decision.failure, decision.warning, *decision.reasons)
    if lacks_evidence(decision):
        judged = shot.judged()
        word, reasons = _no_evidence(judged.figures.samples if judged else 0, shot), (decision.warning,)
    if decision.unenforced:
        word, colour = "UNENFORCED", "yellow"
    yield Text(f"{mark}  {gate:20} {word}", style=colour)
    for reason in reasons:
        if reason:
            yield Text(f"     ! {_printable(reason)}", style=colour)


def _track(track: TrackView, shot: Snapshot, past: tuple[Point, ...], layout: Layout, width: int) -> Iterator[Text]:
    figures = _figures(track, shot, past)
    state = ("state", *_state(track))
    chaos = ("chaos", track.chaos or "unknown", "red" if track.chaos not in (None, "none") else "")
    uptime = ("uptime", "unknown" if track.uptime_seconds is None else f"{track.uptime_seconds:.0f}s", "")
    if layout == "full":
        for name, value, colour, values in figures:
            yield _row(name, value, colour, _spark(values, width))
        for row in (("mode", track.track, ""), state, chaos, uptime):
            yield _row(*row)
        return
    yield _joined(state, chaos, uptime)
    if layout == "compact":
        for name, value, colour, values in figures:
            yield _row(name, value, colour, _spark(values, width))
    elif _lacks(track, shot):
        yield _joined(figures[0][:3], ("figures", *figures[1][1:3]))
    else:
        yield _joined(*(one[:3] for one in figures))


def _figures(
    track: TrackView, shot: Snapshot, past: tuple[Point, ...]
) -> tuple[tuple[str, str, str, tuple[float | None, ...]], ...]:
    """Name, value, colour and past values of each figure."""
    rate = "unknown" if track.requests_per_second is None else f"{track.requests_per_second:g}"
    error_rate, p99 = f"{track.figures.error_rate_percent or 0.0:.2f}%", _milliseconds(track)
    error_colour, p99_colour = (_denied(track, shot, name) for name in ("error_rate", "p99_latency_ms"))
    if _lacks(track, shot):
        error_rate = p99 = _no_evidence(track.figures.samples, shot) if track.answers else "no metrics"
        error_colour = p99_colour = "yellow"
    return (
        ("req/s", rate if track.answers else "no metrics", "" if track.answers else "yellow", _column(past, 0)),
        ("error rate", error_rate, error_colour, _column(past, 1)),
        ("P99 latency", p99, p99_colour, _column(past, 2)),
    )


def _column(past: tuple[Point, ...], at: int) -> tuple[float | None, ...]:
    return tuple(point[at] for point in past)


def _denied(track: TrackView, shot: Snapshot, figure: str) -> str:
    """Red for what the canary policy names in its reasons; for all figures when it names none of them."""
    canary = shot.decisions.get("canary") if shot.judged() is track else None
    if canary is None or canary.outcome != "deny":
        return ""
    named = any(reason.startswith(("error_rate", "p99_latency_ms")) for reason in canary.reasons)
    return "red" if not named or any(reason.startswith(figure) for reason in canary.reasons) else ""


def _lacks(track: TrackView, shot: Snapshot) -> bool:
    return not track.answers or track.figures.samples < shot.min_samples


def _no_evidence(samples: int, shot: Snapshot) -> str:
    return f"NO EVIDENCE ({samples} of {shot.min_samples})"


def _milliseconds(track: TrackView) -> str:
    p99 = track.figures.p99_latency_ms
    if p99 is None:
        return "unknown"
    return f"{'> ' if track.figures.p99_is_lower_bound else ''}{p99:.1f}ms"


def _state(track: TrackView) -> tuple[str, str]:
    said = track.part.state + (f", {track.part.detail}" if track.part.detail else "")
    if track.part.state == "running" and not track.answers:
        return f"{said}, but {track.trouble}", "red"
    return said, "" if track.part.state == "running" else "red"


def _parts(shot: Snapshot, label: int = LABEL) -> Iterator[Text]:
    """What runs beside the tracks."""
    instances = {track.instance for track in shot.tracks}
    others = [part for part in shot.parts if part.name not in instances]
    for part in others:
        detail = f", {part.detail}" if part.detail else ""
        yield _row(part.name, part.state + detail, "" if part.state == "running" else "red", label=label)
    if not any(part.name == "judge" for part in others):
        judges = dict.fromkeys(decision.judge for decision in shot.decisions.values())
        yield _row("judge", ", ".join(judges) or "unknown", label=label)


def _row(name: str, value: str, colour: str = "", spark: str = "", label: int = LABEL) -> Text:
    gap = " " if label else ""
    said = f"{_printable(value):{VALUE}}" if spark else _printable(value)
    return Text.assemble(f"{name:{max(label - 1, 0)}}{gap}: ", (said, colour), spark)


def _joined(*rows: tuple[str, str, str]) -> Text:
    return Text("   ").join(_row(name, value, colour, label=0) for name, value, colour in rows)


def _spark(values: tuple[float | None, ...], width: int) -> str:
    """The newest windows that there is room for; one window is no course."""
    room = width - LABEL - len(": ") - VALUE
    return sparkline(values[-room:]) if len(values) > 1 and room > 0 else ""


def _rule(title: str, width: int) -> Text:
    text = f"── {_printable(title)} "
    return Text(text + "─" * max(0, width - len(text)), style="bold")


def _section(first: Text, gap: bool) -> Iterator[Text]:
    if gap:
        yield Text("")
    yield first


def _printable(text: str) -> str:
    """Nothing that comes from a file or a policy may steer the terminal."""
    return "".join(one if one.isprintable() else " " for one in text)


def _is_screen() -> bool:
    """Whether stdout is a terminal that can be drawn on."""
    return sys.stdout.isatty() and not Console(force_terminal=True).is_dumb_terminal


def _console(colour: bool) -> Console:
    """Without colour nothing is styled at all: no bold or dim either."""
    return Console(color_system="auto" if colour else None, force_terminal=True, highlight=False)


@contextmanager
def _leaving_on_signals() -> Iterator[None]:
    """A terminal must be put back in order also when the dashboard is ended from elsewhere."""
    ends = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(one, signal.default_int_handler) for one in ends]
    try:
        yield
    finally:
        for one, handler in zip(ends, before, strict=True):
            signal.signal(one, handler)

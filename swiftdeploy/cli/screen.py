"""The dashboard. Only draws: colours come from the decisions, never from thresholds of its own."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

from swiftdeploy.model.decision import Decision, Gate
from swiftdeploy.verbs.status import Snapshot, TrackView

BARS = "▁▂▃▄▅▆▇█"
LABEL = 12


def print_once(shot: Snapshot, colour: bool) -> None:
    """One picture, as plain lines."""
    Console(no_color=not colour, highlight=False).print(_picture(shot, (), None))


def show(shots: Iterable[Snapshot], interval: float, colour: bool) -> None:
    """Draw each snapshot in place until `shots` ends or raises."""
    rates: deque[float | None] = deque(maxlen=30)
    with Live(console=Console(no_color=not colour, highlight=False), auto_refresh=False, screen=False) as live:
        for shot in shots:
            judged = shot.judged()
            rates.append(judged.figures.error_rate_percent if judged else None)
            live.update(_picture(shot, tuple(rates), interval), refresh=True)


def sparkline(values: Iterable[float | None]) -> str:
    """One character a value, scaled to the largest; a blank where nothing is known."""
    known = tuple(values)
    top = max((one for one in known if one is not None), default=0.0)
    return "".join(
        " " if one is None else BARS[round((len(BARS) - 1) * one / top)] if top else BARS[0] for one in known
    )


def _picture(shot: Snapshot, rates: tuple[float | None, ...], interval: float | None) -> RenderableType:
    lines: list[RenderableType] = [
        Text(f"SwiftDeploy Status Dashboard  {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}", style="bold"),
        Rule(style="dim"),
    ]
    if not shot.tracks:
        lines.append(Text("nothing runs: `swiftdeploy deploy` starts it"))
    for track in shot.tracks:
        lines += _track(track, shot, rates)
    lines += [Text(""), *_compliance(shot)]
    lines += [Text(f"  note: {note}", style="yellow") for note in shot.notes]
    if interval:
        lines.append(Text(f"Refreshing every {interval:g}s - Ctrl+C to exit", style="dim"))
    return Group(*lines)


def _track(track: TrackView, shot: Snapshot, rates: tuple[float | None, ...]) -> Iterator[RenderableType]:
    judged = shot.judged()
    canary = shot.decisions.get("canary") if judged is track else None
    bad = "red" if canary and canary.outcome == "deny" else ""
    few = track.figures.samples < shot.min_samples
    evidence = f"NO EVIDENCE ({track.figures.samples} of {shot.min_samples})"
    yield Text(f"\n── {track.track} {track.release}, {track.share} % of requests ", style="bold")
    yield _row(
        "state",
        track.part.state + (f", {track.part.detail}" if track.part.detail else ""),
        "" if track.part.state == "running" else "red",
    )
    yield _row("req/s", f"{track.requests_per_second:g}")
    yield _row(
        "error rate", evidence if few else f"{track.figures.error_rate_percent or 0.0:.2f}%", "yellow" if few else bad
    )
    yield _row("P99 latency", evidence if few else _milliseconds(track), "yellow" if few else bad)
    yield _row("mode", track.track)
    yield _row("chaos", track.chaos or "unknown", "red" if track.chaos not in (None, "none") else "")
    if track.uptime_seconds is not None:
        yield _row("uptime", f"{track.uptime_seconds:.0f}s")
    if judged is track and rates:
        yield _row("errors", sparkline(rates))


def _milliseconds(track: TrackView) -> str:
    p99 = track.figures.p99_latency_ms
    if p99 is None:
        return "unknown"
    return f"{'> ' if track.figures.p99_is_lower_bound else ''}{p99:.1f}ms"


def _compliance(shot: Snapshot) -> Iterator[RenderableType]:
    yield Text("── Policy Compliance ", style="bold")
    for gate, decision in shot.decisions.items():
        yield from _decision(gate, decision)


def _decision(gate: Gate, decision: Decision) -> Iterator[RenderableType]:
    mark, word, colour = {
        "allow": ("✔", "PASS", "green"),
        "deny": ("✘", "FAIL", "red"),
        "none": ("?", "NO DECISION", "yellow"),
    }[decision.outcome]
    if decision.unenforced:
        word, colour = "UNENFORCED", "yellow"
    yield Text(f"{mark}  {gate:20} {word}", style=colour)
    for reason in (decision.failure, decision.warning, *decision.reasons):
        if reason:
            yield Text(f"     ! {reason}", style=colour)


def _row(label: str, value: str, colour: str = "") -> Text:
    return Text.assemble(f"{label:{LABEL}}: ", (value, colour))

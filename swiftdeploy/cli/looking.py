"""status, logs, doctor."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from swiftdeploy.cli.session import Session, command
from swiftdeploy.model import errors

if TYPE_CHECKING:
    from swiftdeploy.flow.world import World
    from swiftdeploy.verbs.status import Snapshot

ONCE_SECONDS, LIVE_SECONDS = 2.0, 5.0


@click.command()
@click.option("--once", is_flag=True, help="One window, then leave.")
@click.option("--check", is_flag=True, help="For CI: wait for evidence, exit 0, 10 (denied) or 11 (no decision).")
@click.option("--interval", type=click.FloatRange(0.2, 3600), help="Seconds of a window: 5 live, 2 with --once.")
@command(watches=True)
def status(session: Session, once: bool, check: bool, interval: float | None) -> None:
    """Live dashboard: throughput, error rate, p99, chaos, policy compliance. Ctrl-C leaves it."""
    world = session.world()
    if not (once or check or session.as_json):
        _live(session, world, interval or LIVE_SECONDS)
        return
    from swiftdeploy.cli import screen
    from swiftdeploy.verbs import status as verbs

    shot = verbs.with_evidence(world, interval) if check else verbs.once(world, interval or ONCE_SECONDS)
    if not session.as_json and not session.quiet:
        screen.print_once(shot, session.colour)
    error = verbs.verdict(shot) if check else None
    if error:
        session.stop(error, _fields(shot))
    session.answer(_fields(shot))


def _live(session: Session, world: World, interval: float) -> None:
    from swiftdeploy.cli import screen
    from swiftdeploy.verbs import status as verbs

    try:
        screen.show(verbs.watch(world, interval), interval, session.colour)
    except KeyboardInterrupt:
        session.say("left the dashboard; the stack goes on")


def _fields(shot: Snapshot) -> dict[str, object]:
    return {
        "engine": shot.state.engine if shot.state.instances else None,
        "mode": shot.mode,
        "generation": shot.state.generation,
        "tracks": [asdict(one) for one in shot.tracks],
        "parts": [asdict(one) for one in shot.parts],
        "decisions": {gate: asdict(one) for gate, one in shot.decisions.items()},
        "window_seconds": shot.window_seconds,
        "min_samples": shot.min_samples,
        "notes": shot.notes,
    }


@click.command()
@click.argument("track", default="")
@click.option("-n", "--lines", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@command(file_flags=("--file",))
def logs(session: Session, track: str, lines: int, follow: bool) -> None:
    """What stable, canary, proxy, judge or one instance wrote; all of them without TRACK."""
    from swiftdeploy.verbs import logs as verbs

    world = session.world()
    found = verbs.follow(world, track) if follow else verbs.tail(world, track, lines)
    if session.as_json:
        session.answer({"lines": [{"part": part, "line": line} for part, line in verbs.tail(world, track, lines)]})
        return
    try:
        for part, line in found:
            click.echo(f"{part:10} | {line}")
    except KeyboardInterrupt:
        return


@click.command()
@command()
def doctor(session: Session) -> None:
    """What this machine has of what SwiftDeploy needs."""
    from swiftdeploy.verbs.doctor import doctor as verb

    checks = verb(session.world())
    for check in checks:
        session.say(str(check))
    bad = [one.name for one in checks if one.outcome == "fail"]
    if bad:
        session.stop(
            errors.EnvironmentMissing(f"missing or broken: {', '.join(bad)}", "each line above says how to mend it"),
            {"checks": [asdict(one) for one in checks]},
        )
    session.answer({"checks": [asdict(one) for one in checks]})

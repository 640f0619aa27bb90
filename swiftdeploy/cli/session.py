"""What all commands share: the common options, the World, JSON output, and the one catch of errors."""

from __future__ import annotations

import functools
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from swiftdeploy.model import errors

if TYPE_CHECKING:
    from swiftdeploy.edge.phases import Timings
    from swiftdeploy.flow.world import World
    from swiftdeploy.wiring import Project

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Session:
    """One run of one command. `answer` prints the command's JSON object when --json was given, else nothing."""

    command: str
    project: Project
    as_json: bool
    quiet: bool
    colour: bool
    timings: Timings
    changes: bool

    def world(self) -> World:
        """The effects of this command. From here on signals only set a flag for one that changes the world; one that
        only looks may be ended anywhere."""
        if self.changes:
            self.project.interrupts.listen()
        return self.project.world()

    def say(self, text: str) -> None:
        """A line for people."""
        self.project.console.say(text)

    def answer(self, fields: Mapping[str, object], exit_status: int = 0) -> None:
        """The one JSON object of `--json`, on stdout."""
        if self.as_json:
            whole = {"schema_version": SCHEMA_VERSION, "command": self.command, "exit": exit_status, **fields}
            click.echo(json.dumps(whole, ensure_ascii=False, default=str))

    def stop(self, error: errors.SwiftDeployError, fields: Mapping[str, object] | None = None) -> NoReturn:
        """Tell people and programs what went wrong, and leave with its exit status."""
        mark = click.style("error:", fg="red", bold=True) if self.colour else "error:"
        click.echo(f"{mark} {error}", err=True)
        self.answer(
            {"error": error.what, "next": error.next_step, **error.details, **(fields or {})}, error.exit_status
        )
        sys.exit(error.exit_status)


def command(
    starts: bool = False,
    changes: bool = False,
    watches: bool = False,
    name: str = "",
    file_flags: tuple[str, ...] = ("-f", "--file"),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a click command's function: adds the common options and passes a Session first.

    `starts`: it may start instances and a judge; `changes`: it stops things only; `watches`: it asks the judge's server
    without changing it.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @click.option(*file_flags, "file", default="manifest.yaml", metavar="PATH", help="The manifest.")
        @click.option("--engine", metavar="local|docker", help="How the stack runs; kept until teardown.")
        @click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, messages on stderr.")
        @click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
        @click.option("--no-color", is_flag=True, help="No colours; NO_COLOR does the same.")
        @functools.wraps(function)
        def run(file: str, engine: str | None, as_json: bool, quiet: bool, no_color: bool, **options: Any) -> None:
            called = name or function.__name__
            session = _session(called, file, engine, as_json, quiet, no_color, starts, starts or changes, watches)
            _guarded(session, lambda: function(session, **options))

        return run

    return decorate


def phase_seconds(timings: Timings) -> Mapping[str, float]:
    """Seconds from the start of the command to the end of each phase."""
    return {name: round(seconds, 3) for name, seconds in timings.ends.items()}


def _session(
    name: str,
    file: str,
    engine: str | None,
    as_json: bool,
    quiet: bool,
    no_color: bool,
    starts: bool,
    changes: bool,
    watches: bool,
) -> Session:
    from swiftdeploy.edge.console import Console
    from swiftdeploy.edge.phases import Timings
    from swiftdeploy.wiring import Project

    path = Path(file)
    if not path.parent.is_dir():
        raise click.UsageError(f"-f {file}: there is no folder {path.parent}")
    colour = not no_color and not os.environ.get("NO_COLOR") and sys.stderr.isatty()
    console = Console(sys.stderr if as_json else None, quiet, colour)
    timings = Timings()
    project = Project(
        path.parent.absolute(),
        path.name,
        engine or None,
        console,
        listeners=(timings.hear,),
        starts=starts,
        watches=watches,
    )
    return Session(name, project, as_json, quiet, colour, timings, changes)


def _guarded(session: Session, act: Callable[[], None]) -> None:
    """The one place where errors become exit statuses."""
    try:
        act()
    except errors.SwiftDeployError as error:
        session.stop(error, journal_head(session))
    except KeyboardInterrupt:
        session.stop(errors.Interrupted("stopped by Ctrl-C"))
    except BrokenPipeError:  # `swiftdeploy logs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (click.exceptions.Exit, click.ClickException, click.Abort):
        raise
    except Exception as bug:
        session.stop(_bug(session, bug))


def journal_head(session: Session) -> Mapping[str, object]:
    """Print the journal's head, also after a failure, which was recorded too; nothing where it cannot be read."""
    if not session.changes:
        return {}
    try:
        head = session.project.history.head()
    except errors.Unreadable:
        return {}
    if not head.strip("0"):  # nothing was ever recorded
        return {}
    session.say(f"journal head {head}")
    return {"head": head}


def _bug(session: Session, bug: Exception) -> errors.SwiftDeployError:
    text = "".join(traceback.format_exception(bug))
    folder = session.project.root / ".swiftdeploy"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        log = folder / "bug.log"
        log.write_text(text, encoding="utf-8")
    except OSError:
        click.echo(text, err=True)
        return errors.SwiftDeployError(f"a bug in SwiftDeploy: {type(bug).__name__}: {bug} (traceback above)")
    return errors.SwiftDeployError(
        f"a bug in SwiftDeploy: {type(bug).__name__}: {bug}", f"please report it with the traceback in {log}"
    )

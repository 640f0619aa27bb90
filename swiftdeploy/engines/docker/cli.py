"""Docker's own command line, by argv, each call in bounded time and out of reach of the terminal's Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass

from swiftdeploy.model.errors import EnvironmentMissing

SECONDS = 20.0
START_SECONDS = 120.0  # compose up, a pull not included
PULL_SECONDS = 900.0
LINES_SHOWN = 12


@dataclass(frozen=True)
class Answer:
    """How a call ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Its last words, for an error message."""
        lines = [line for line in (self.err or self.out).splitlines() if line.strip()]
        return "\n".join(lines[-LINES_SHOWN:]).strip()


def ask(*words: str, stdin: bytes | None = None, seconds: float | None = None) -> Answer:
    """`docker WORDS` with any exit status, within SECONDS unless it may take others. Raises EnvironmentMissing when
    there is no docker, or it does not answer."""
    limit = SECONDS if seconds is None else seconds
    try:
        child = subprocess.Popen(
            ("docker", *words),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,  # a plugin such as compose is a child of docker: both end together
            close_fds=False,  # it keeps the command lock while it changes something, should this process be killed
        )
    except OSError as error:
        raise EnvironmentMissing(
            f"docker cannot be run: {error.strerror}", "install Docker, or use --engine local"
        ) from error
    try:
        out, err = child.communicate(stdin, timeout=limit)
    except subprocess.TimeoutExpired:
        _end(child)
        raise EnvironmentMissing(
            f"`docker {' '.join(words[:2])}` did not end within {limit:g} s",
            "see whether the daemon hangs (`docker info`); the next command repairs what was begun",
        ) from None
    except BaseException:
        _end(child)
        raise
    return Answer(child.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def do(*words: str, what: str, stdin: bytes | None = None, seconds: float | None = None) -> str:
    """Its output. Raises EnvironmentMissing, `what` could not be done, when it fails."""
    answer = ask(*words, stdin=stdin, seconds=seconds)
    if answer.status:
        raise failed(what, answer)
    return answer.out


def failed(what: str, answer: Answer) -> EnvironmentMissing:
    """The error for a call that failed; a daemon that is away explains it better than Docker's own words."""
    if why := no_daemon():
        return EnvironmentMissing(f"{what}: {why}", "start the Docker daemon and run the command again")
    return EnvironmentMissing(f"{what}: {answer.said or f'exit status {answer.status}'}")


def no_daemon() -> str | None:
    """Why nothing can be asked of Docker; None when a daemon answers."""
    try:
        answer = ask("version", "--format", "{{.Server.Version}}")
    except EnvironmentMissing as error:
        return error.what
    return None if answer.status == 0 else "no Docker daemon answers"


def _environment() -> dict[str, str]:
    """The caller's, but for what would make Compose read other files or names than it is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
    return {**kept, "COMPOSE_IGNORE_ORPHANS": "true", "COMPOSE_ANSI": "never", "DOCKER_CLI_HINTS": "false"}


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()

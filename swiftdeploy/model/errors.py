"""Everything that can go wrong, each with its exit status (product table in README: Exit codes)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class SwiftDeployError(Exception):
    """Base of all errors a user may see: one whole sentence, and optionally what to do next."""

    exit_status: ClassVar[int] = 70

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step
        self.details: dict[str, object] = {}  # what programs want to know besides, for --json

    def __str__(self) -> str:
        return f"{self.what}\n  next: {self.next_step}" if self.next_step else self.what


class CheckFailed(SwiftDeployError):
    """A check ran and found something wrong (validate, audit --verify, policy test)."""

    exit_status = 1


class Unreadable(SwiftDeployError):
    """A usage error, or a manifest, template, scenario, policy or journal that cannot be used."""

    exit_status = 2


@dataclass(frozen=True)
class Finding:
    """One place in a text file that is wrong. `line` and `column` count from 1; 0 means the whole file."""

    file: str
    line: int
    column: int
    path: str
    what: str
    source: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: "
        lines = [place + (f"{self.path}: " if self.path else "") + self.what]
        if self.source:
            lines += [f"    {self.source}", "    " + " " * (self.column - 1) + "^"]
        if self.hint:
            lines.append(f"    hint: {self.hint}")
        return "\n".join(lines)


class BadFile(Unreadable):
    """A text file with one or more findings, all shown at once."""

    def __init__(self, findings: tuple[Finding, ...], next_step: str = "") -> None:
        super().__init__("\n".join(map(str, findings)), next_step)
        self.findings = findings


class NotPossible(SwiftDeployError):
    """Not possible in this state; the next step names the command that is."""

    exit_status = 3


class Denied(SwiftDeployError):
    """Policy said no."""

    exit_status = 10


class NoDecision(SwiftDeployError):
    """No decision could be made: judge broken or unavailable, or too little evidence."""

    exit_status = 11


class NotHealthy(SwiftDeployError):
    """A release did not become healthy in time; the old one, if any, still serves."""

    exit_status = 12


class EnvironmentMissing(SwiftDeployError):
    """Something this machine must offer is missing: a free port, nginx, a daemon, an image."""

    exit_status = 13


class Busy(SwiftDeployError):
    """Another command holds the lock."""

    exit_status = 14


class RollbackFailed(SwiftDeployError):
    """The rollback itself failed."""

    exit_status = 15


class Interrupted(SwiftDeployError):
    """Ctrl-C, SIGTERM or SIGHUP arrived at a point where stopping is safe."""

    exit_status = 130

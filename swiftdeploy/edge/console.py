"""Where verbs talk to people."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TextIO

PROGRESS_SECONDS = 5.0  # between lines of progress where they cannot take each other's place
_CLEAR = "\r\033[K"


class Console:
    """Plain lines; `out` is stderr when stdout carries JSON. `quiet` drops all but warnings."""

    def __init__(self, out: TextIO | None = None, quiet: bool = False, colour: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._colour = colour
        self._shown = ""  # the progress that stands on the terminal's last line
        self._shown_at = 0.0

    def say(self, text: str) -> None:
        if not self._quiet:
            self._write(text)

    def progress(self, text: str) -> None:
        """On a terminal one line in place; elsewhere a line every five seconds."""
        out = self._out or sys.stdout
        if self._quiet:
            return
        if out.isatty():
            width = shutil.get_terminal_size().columns - 1
            _print(_CLEAR + text[:width], out, end="")
            self._shown = text
        elif time.monotonic() - self._shown_at >= PROGRESS_SECONDS:
            if self._shown_at:
                _print(text, out)
            self._shown_at = time.monotonic()

    def warn(self, text: str) -> None:
        self._clear()
        mark = "\033[33mwarning:\033[0m" if self._colour else "warning:"
        _print(f"{mark} {text}", sys.stderr)

    def _clear(self) -> None:
        if self._shown:
            _print(_CLEAR, self._out or sys.stdout, end="")
            self._shown = ""

    def _write(self, text: str) -> None:
        self._clear()
        _print(text, self._out or sys.stdout)


def _print(text: str, out: TextIO, end: str = "\n") -> None:
    """A reader that left (`deploy | head -1`), or a full disk behind the output, must not stop or undo a change."""
    try:
        print(text, file=out, end=end, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())

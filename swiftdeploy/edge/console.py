"""Where verbs talk to people."""

from __future__ import annotations

import os
import sys
from typing import TextIO


class Console:
    """Plain lines; `out` is stderr when stdout carries JSON. `quiet` drops all but warnings."""

    def __init__(self, out: TextIO | None = None, quiet: bool = False, colour: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._colour = colour

    def say(self, text: str) -> None:
        if not self._quiet:
            self._write(text)

    def warn(self, text: str) -> None:
        mark = "\033[33mwarning:\033[0m" if self._colour else "warning:"
        _print(f"{mark} {text}", sys.stderr)

    def _write(self, text: str) -> None:
        _print(text, self._out or sys.stdout)


def _print(text: str, out: TextIO) -> None:
    """A reader that left (`deploy | head -1`), or a full disk behind the output, must not stop or undo a change."""
    try:
        print(text, file=out, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())

"""Where verbs talk to people."""

from __future__ import annotations

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
        print(f"{mark} {text}", file=sys.stderr, flush=True)  # noqa: T201 - the one place that prints

    def _write(self, text: str) -> None:
        print(text, file=self._out or sys.stdout, flush=True)

"""What a Rego file names of the input and the thresholds, found without understanding it: for what no parser of ours
reads and OPA does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from swiftdeploy.model.regolang.references import Reference

_UNSPOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|#[^\n]*')
_INPUT = re.compile(r"\binput((?:\.[A-Za-z_]\w*)+)")
_THRESHOLD = re.compile(r"\bdata\.thresholds((?:\.[A-Za-z_]\w*)+)")


def inputs(file: str, text: str) -> Iterator[Reference]:
    """Every `input.a.b` outside texts and comments."""
    return _found(_INPUT, file, text)


def thresholds(file: str, text: str) -> Iterator[Reference]:
    """Every `data.thresholds.x` outside texts and comments; the path begins behind `thresholds`."""
    return _found(_THRESHOLD, file, text)


def _found(pattern: re.Pattern[str], file: str, text: str) -> Iterator[Reference]:
    code = _UNSPOKEN.sub(lambda found: " " * len(found.group()), text)
    for one in pattern.finditer(code):
        at = one.start()
        yield Reference(
            tuple(one.group(1)[1:].split(".")), file, code.count("\n", 0, at) + 1, at - code.rfind("\n", 0, at)
        )

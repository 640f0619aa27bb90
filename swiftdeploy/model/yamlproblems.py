"""What the YAML parser complains of, in plain words."""

from __future__ import annotations

import yaml

_QUOTES = "a text in it that holds one of , ? [ ] { } needs quotes"

# PyYAML's words -> ours. Anything else is passed on as it is.
_PLAINLY = (
    ("found character '\\t'", "a tab cannot be used here", "use blanks"),
    ("mapping values are not allowed", "a second ': ' in one value", "put the value in quotes"),
    ("could not find expected ':'", "a ':' is missing after the key", "a key is followed by ': ' and its value"),
    ("found unexpected end of stream", "a quote is never closed", "close it"),
    ("found unexpected document separator", "a quote is never closed", "close it"),
    ("expected <block end>", "does not fit here: its indentation or a quote or comma is wrong", ""),
    ("expected the node content", "a value is missing here", ""),
    ("expected ',' or ']'", "a list in [ ] is never closed, or a comma is missing", _QUOTES),
    ("expected ',' or '}'", "a mapping in { } is never closed, or a comma is missing", _QUOTES),
    ("expected alphabetic or numeric", "a value cannot start with * or &", "put the value in quotes"),
    ("expected '<document start>'", "nothing can follow here: the document has ended", ""),
    ("that cannot start any token", "a text cannot start with this character", "put the value in quotes"),
)


def plainly(problem: yaml.MarkedYAMLError) -> tuple[str, str]:
    """What is wrong, and a hint or nothing."""
    said = problem.problem or "unreadable"
    for theirs, ours, hint in _PLAINLY:
        if theirs in said:
            return f"is not valid YAML: {ours}", hint
    return f"is not valid YAML: {said}", ""

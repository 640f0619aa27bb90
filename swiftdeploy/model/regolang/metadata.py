"""`# METADATA` comments: OPA reads them as YAML and refuses what it does not know, so only plain ones pass."""

from __future__ import annotations

import re

from swiftdeploy.model.regolang.tree import Unread

_BLOCK = re.compile(r"^[ \t]*#\s*METADATA[ \t]*$((?:\n[ \t]*#.*)*)", re.MULTILINE)
_LINE = re.compile(r"#\s*(?:(?:title|description): [A-Za-z0-9][A-Za-z0-9 .,;/_()%+=<>-]*|scope: (?:rule|document))\s*$")


def plain(text: str) -> None:
    """Raises Unread for a block of a file's text that is more than title, description and scope."""
    for block in _BLOCK.finditer(text):
        at = block.start(1)
        for line in block.group(1).splitlines()[1:]:
            at += 1
            if not _LINE.fullmatch(line.strip()):
                what = "the embedded judge reads only `title`, `description` and `scope` of METADATA, each in a line"
                raise Unread(at, what, "write other words in a comment of their own")
            at += len(line)

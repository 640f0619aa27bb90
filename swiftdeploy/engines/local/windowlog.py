"""The proxy's window log on disk: its end, read backwards as far as a window reaches, and kept from growing."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from swiftdeploy.engines.local import logs
from swiftdeploy.model import proxylog

BLOCK = 262_144
MOST_BYTES = 64_000_000  # some 500,000 requests; of more, the newest
# Workers write without waiting for each other, so lines are not quite in the order of their times.
DISORDER_SECONDS = 1.0


def lines(path: Path, since: float) -> tuple[str, ...]:
    """Whole lines from `since` (unix seconds) on and perhaps some before, the rotated file's first: old workers write
    there still. () when there is no log."""
    with suppress(OSError), ExitStack() as opened:
        files = []
        for one in (path, _rotated(path)):  # this order: a file that is moved aside meanwhile is met twice, not missed
            with suppress(OSError):
                files.append(opened.enter_context(one.open("rb")))
        if len(files) == 2 and os.path.samestat(*(os.fstat(one.fileno()) for one in files)):
            del files[1]
        return tuple(line for file in reversed(files) for line in _end(file, since))
    return ()


def rotate(path: Path, limit_bytes: int, since: float) -> bool:
    """Move a grown log aside, unless the old copy that this would replace was written at `since` or later. Whether it
    was done: whoever writes it must open it anew."""
    try:
        if path.stat().st_size <= limit_bytes or _written_at(_rotated(path)) >= since:
            return False
        logs.rotate(path, limit_bytes)
    except OSError:
        return False  # another command has just done it
    return True


def _end(file: BinaryIO, since: float) -> list[str]:
    at = file.seek(0, os.SEEK_END)
    blocks: list[bytes] = []
    while at > 0 and len(blocks) * BLOCK < MOST_BYTES and not (blocks and _begins_before(blocks[-1], since)):
        size = min(BLOCK, at)
        at = file.seek(at - size)
        blocks.append(file.read(size))
    found = b"".join(reversed(blocks)).decode(errors="replace").split("\n")
    return found[1 if at > 0 else 0 : -1]  # neither the middle of a line nor one that is being written


def _begins_before(block: bytes, since: float) -> bool:
    """Whether the first line in a block that tells its time is so old that all before the block must be older."""
    for line in block.decode(errors="replace").split("\n"):
        if (written := proxylog.written_at(line)) is not None:
            return written < since - DISORDER_SECONDS
    return False


def _rotated(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0

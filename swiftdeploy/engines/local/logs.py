"""The stack's log files: last lines, following through rotation."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

BLOCK = 65_536
POLL_SECONDS = 0.2


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """Last `lines` lines, reaching into the rotated file when the new one is short; () when there is no log."""
    found = _tail(path, lines)
    if len(found) < lines:
        found = _tail(path.with_name(f"{path.name}.1"), lines - len(found)) + found
    return tuple(found)


def follow(path: Path) -> Iterator[str]:
    """Lines that are written from now on, until the caller stops asking."""
    file = None
    try:
        while True:
            if file is None and path.exists():
                file = path.open(encoding="utf-8", errors="replace")
                file.seek(0, os.SEEK_END)
            if file:
                yield from _whole_lines(file.readlines())
                if _rotated(path, file.fileno()):
                    yield from _whole_lines(file.readlines())
                    file.close()
                    file = path.open(encoding="utf-8", errors="replace") if path.exists() else None
                    continue
            time.sleep(POLL_SECONDS)
    finally:
        if file:
            file.close()


def rotate(path: Path, limit_bytes: int) -> None:
    """Move a grown log aside, one old copy kept; whoever writes it must open it anew."""
    if path.exists() and path.stat().st_size > limit_bytes:
        path.replace(path.with_name(f"{path.name}.1"))


def drop(path: Path) -> None:
    """Remove a log and its old copy; whoever writes it must open it anew."""
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.1").unlink(missing_ok=True)


def prune(folder: Path, keep: int) -> None:
    """Remove the oldest logs of instances, so that a thousand deploys do not leave a thousand logs."""
    found = sorted(folder.glob("*-*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[keep:]:
        drop(path)


def _whole_lines(lines: list[str]) -> Iterator[str]:
    return (line.rstrip("\n") for line in lines)


def _rotated(path: Path, number: int) -> bool:
    try:
        return not os.path.samestat(os.fstat(number), path.stat()) or path.stat().st_size < os.lseek(number, 0, 1)
    except FileNotFoundError:
        return False  # between the two renames of a rotation


def _tail(path: Path, lines: int) -> list[str]:
    if lines <= 0:
        return []
    found = b""
    try:
        with path.open("rb") as file:
            at = file.seek(0, os.SEEK_END)
            while at > 0 and found.count(b"\n") <= lines:
                size = min(BLOCK, at)
                at = file.seek(at - size)
                found = file.read(size) + found
    except OSError:
        return []
    return found.decode(errors="replace").splitlines()[-lines:]

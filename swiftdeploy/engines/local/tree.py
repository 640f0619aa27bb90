"""What of a project is copied for a release: the folders of the files that its argv names, and links to the rest."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PIECES = 2_000
BYTES = 64 * 2**20
# Installed packages are no code of the project, and too many: the copy links to them, so that an app still finds them.
PACKAGES = frozenset({".venv", "venv", "node_modules"})
LEFT_OUT = frozenset({".git", ".hg", ".swiftdeploy", "__pycache__"})
OUTPUTS = re.compile(r"history\.jsonl|audit_report\..+|nginx\.conf|docker-compose\.yml")


@dataclass(frozen=True)
class Piece:
    """A file, a folder (`folder`) or a link (`link` to that path of the original, or, when `within`, to the copy of
    it). Paths are relative to the project."""

    path: str
    size: int = 0
    folder: bool = False
    link: str | None = None
    within: bool = False


def pieces(root: Path, named: Iterable[str]) -> tuple[Piece, ...] | None:
    """What to copy so that the `named` files (relative paths) find what lies beside them.

    The folders that hold the named files are copied whole, links in them kept as links unless they lead out of the
    project. What lies beside those folders is linked, so that `../data` of a file stays the project's one `data`.
    None when a named file leads out of the project, or it is more than 2,000 files or 64 MiB.
    """
    real = {os.path.realpath(root / path) for path in named}
    real |= {os.path.join(os.path.realpath((root / path).parent), Path(path).name) for path in named}
    if any(_relative(path, root) is None for path in real):
        return None
    wanted = frozenset(_relative(path, root) or "" for path in real)
    folders = _outermost(os.path.dirname(path) for path in wanted)
    found, size = [], 0
    for piece in _all(root, folders, wanted):
        found.append(piece)
        size += piece.size
        if len(found) > PIECES or size > BYTES:
            return None
    return tuple(found)


def copy(found: Iterable[Piece], root: Path, to: Path, final: Path) -> None:
    """Make the pieces in the folder `to`, which will be renamed to `final`. What vanished meanwhile or may not be read
    is left out: the app could not read it either."""
    to.mkdir(mode=0o700, parents=True)
    for piece in found:
        path = to / piece.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if piece.folder:
            path.mkdir(exist_ok=True)
        elif piece.link is None:
            with suppress(FileNotFoundError, PermissionError):
                shutil.copy2(root / piece.path, path)
        else:
            target = (final if piece.within else root) / piece.link
            path.symlink_to(os.path.relpath(target, (final / piece.path).parent))


def is_package(root: Path, path: str) -> bool:
    """Whether a file belongs to installed packages (a venv's interpreter, say), which run where they are."""
    folders = Path(path).parents
    return any(_is_packages(one.name, root / one) for one in folders if one.name)


def _all(root: Path, folders: frozenset[str], wanted: frozenset[str]) -> Iterator[Piece]:
    for folder in sorted(folders):
        if folder:
            yield Piece(folder, folder=True)
        yield from _inside(root, folder, wanted)
    above = frozenset(parent for folder in folders for parent in _parents(folder))
    for folder in sorted(above):
        for entry in _entries(root, folder):
            path = os.path.join(folder, entry.name)
            if path not in folders and path not in above and _counts(folder, entry.name):
                yield from _link(root, path) if entry.is_symlink() else (Piece(path, link=path),)


def _inside(root: Path, folder: str, wanted: frozenset[str]) -> Iterator[Piece]:
    for entry in _entries(root, folder):
        path = os.path.join(folder, entry.name)
        if path not in wanted and not _counts(folder, entry.name):
            continue
        if entry.is_symlink():
            yield from _link(root, path)
        elif entry.is_dir():
            if _is_packages(entry.name, root / path):
                yield Piece(path, link=path)
            else:
                yield Piece(path, folder=True)
                yield from _inside(root, path, wanted)
        elif entry.is_file():  # no socket, pipe or device
            with suppress(OSError):
                yield Piece(path, entry.stat().st_size)


def _link(root: Path, path: str) -> Iterator[Piece]:
    target = _relative(os.path.realpath(root / path), root)
    if target is not None:
        yield Piece(path, link=target, within=True)


def _entries(root: Path, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root / folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def _counts(folder: str, name: str) -> bool:
    return name not in LEFT_OUT and not (folder == "" and OUTPUTS.fullmatch(name))


def _is_packages(name: str, path: Path) -> bool:
    return name in PACKAGES or (path / "pyvenv.cfg").is_file()


def _relative(path: str, root: Path) -> str | None:
    """The path relative to the project (`""` is the project itself); None when it is not in it."""
    if path == str(root):
        return ""
    inside = os.path.join(str(root), "")
    return path.removeprefix(inside) if path.startswith(inside) else None


def _outermost(folders: Iterable[str]) -> frozenset[str]:
    every = frozenset(folders)
    return frozenset(one for one in every if not every & frozenset(_parents(one)))


def _parents(folder: str) -> list[str]:
    """`a/b/c` gives `a/b`, `a` and the project itself, `""`."""
    found = []
    while folder:
        folder = os.path.dirname(folder)
        found.append(folder)
    return found

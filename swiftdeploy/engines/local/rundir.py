"""A short private folder for sockets, because a unix socket's path may have about 103 characters at most."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from swiftdeploy.engines.local.places import Places, write

PREFIX = "swiftdeploy-"
# What may stand in supervisord's INI as it is: no `%`, `;`, quote or blank, each of which means something there.
SAFE = re.compile(r"[A-Za-z0-9/_.+-]+")
LONGEST = 60  # leaves room for `/swiftdeploy-xxxxxxxx/supervisor.sock.PID`


@dataclass(frozen=True)
class RunDir:
    """`path/state` links to the project's own `.swiftdeploy`, so configs never spell the project's path (which may
    hold quotes, `%` or `;`, and be long)."""

    path: Path

    @property
    def link(self) -> Path:
        return self.path / "state"

    @property
    def local(self) -> Path:
        return self.link / "local"

    @property
    def socket(self) -> Path:
        return self.path / "supervisor.sock"

    @property
    def handoff(self) -> Path:
        return self.path / "handoff.sock"

    @property
    def python(self) -> str:
        return sys.executable if SAFE.fullmatch(sys.executable) else str(self.path / "python")

    @property
    def launch(self) -> Path:
        return self.path / "launch.py"


def find(places: Places) -> RunDir | None:
    """The folder in use, by the note in the state folder; None when there is none or it is not ours any more."""
    try:
        found = RunDir(Path((places.local / "run").read_text(encoding="utf-8").strip()))
    except (OSError, UnicodeDecodeError):
        return None
    return found if _ours(found, places) else None


def make(places: Places) -> RunDir:
    """A new folder, noted before anything else is in it."""
    found = RunDir(Path(tempfile.mkdtemp(prefix=PREFIX, dir=_short_temporary_folder())))
    write(places.local / "run", str(found.path))
    found.link.symlink_to(places.state)
    found.launch.symlink_to(Path(__file__).with_name("launch.py"))
    if found.python != sys.executable:
        Path(found.python).symlink_to(sys.executable)
    return found


def remove(places: Places) -> None:
    """Remove every such folder of this project, noted or not."""
    for folder in {_short_temporary_folder(), tempfile.gettempdir(), "/tmp"}:
        for path in Path(folder).glob(f"{PREFIX}*"):
            if _ours(RunDir(path), places):
                shutil.rmtree(path, ignore_errors=True)
    (places.local / "run").unlink(missing_ok=True)


def _ours(found: RunDir, places: Places) -> bool:
    try:
        return os.readlink(found.link) == str(places.state) and found.path.lstat().st_uid == os.getuid()
    except (OSError, ValueError):
        return False


def _short_temporary_folder() -> str:
    usual = tempfile.gettempdir()
    return usual if len(usual) <= LONGEST and SAFE.fullmatch(usual) else "/tmp"

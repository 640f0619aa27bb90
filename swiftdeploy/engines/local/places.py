"""Where the local engine keeps its files, all inside the project's state folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Paths of one project. `root` is the real project folder (no links), which is also the mark of its processes."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / ".swiftdeploy"

    @property
    def local(self) -> Path:
        return self.state / "local"

    @property
    def programs(self) -> Path:
        return self.local / "programs"

    @property
    def logs(self) -> Path:
        return self.local / "logs"

    @property
    def states(self) -> Path:
        return self.local / "states"

    def state_of(self, name: str) -> Path:
        """The folder of an instance's own, {state} in a manifest."""
        return self.states / name

    @property
    def proxy(self) -> Path:
        return self.local / "proxy"

    @property
    def routing(self) -> Path:
        return self.state / "routing" / "routing.conf"

    @property
    def releases(self) -> Path:
        return self.state / "releases"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Create the folders; the state folder is private and keeps itself out of git."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        for folder in (self.local, self.programs, self.logs, self.proxy, self.routing.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def of(root: Path) -> Places:
    """The places of the project in `root`, whatever links lead there."""
    return Places(root.resolve())


def write(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner only (it may hold secrets)."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    staged.replace(path)

"""Where the docker engine keeps its files, inside the project's state folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Paths of one project. `root` is the real project folder (no links), which is also the mark of its containers."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / ".swiftdeploy"

    @property
    def docker(self) -> Path:
        """Records of this engine."""
        return self.state / "docker"

    @property
    def unsettled(self) -> Path:
        """There when an instance was stopped while old workers of the proxy knew its address."""
        return self.docker / "unsettled"

    @property
    def routing(self) -> Path:
        """Mounted into the proxy."""
        return self.state / "routing"

    @property
    def policies(self) -> Path:
        """Packaged policies for OPA to read, where a project has none of its own."""
        return self.state / "policies"

    @property
    def releases(self) -> Path:
        return self.state / "releases"

    def make(self) -> None:
        """Create the folders; the state folder is private and keeps itself out of git. What is mounted is readable by
        the numeric users inside."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        self.docker.mkdir(mode=0o700, exist_ok=True)
        self.routing.mkdir(exist_ok=True)
        self.routing.chmod(0o755)

    def kept_releases(self) -> frozenset[str]:
        """Ids of the releases that may come back."""
        return frozenset(one.name for one in self.releases.iterdir()) if self.releases.is_dir() else frozenset()

    def note(self, project: str) -> None:
        """Keep the Compose name of this project for a time when nothing of it runs."""
        self.make()
        write(self.docker / "project", project)

    def noted(self) -> str:
        """The name that was kept last, or nothing."""
        return (self.docker / "project").read_text() if (self.docker / "project").is_file() else ""


def of(root: Path) -> Places:
    """The places of the project in `root`, whatever links lead there."""
    return Places(root.resolve())


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file whole, with exactly that mode whatever the umask."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    staged.chmod(mode)
    staged.replace(path)

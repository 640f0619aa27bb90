"""Labels by which everything of one project is found again, whatever its journal and manifest say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = "swiftdeploy.root"
OWNER = "swiftdeploy.owner"
ROLE = "swiftdeploy.role"
INSTANCE = "swiftdeploy.instance"
RELEASE = "swiftdeploy.release"
DRAIN = "swiftdeploy.drain_seconds"
SETTINGS = "swiftdeploy.settings"
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
FOLDER = "com.docker.compose.project.working_dir"

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Owner:
    """A process that the stack must not outlive: pid, creation time, and the boot that both are of."""

    pid: int
    born: float
    boot: str

    def __str__(self) -> str:
        return f"{self.pid} {self.born!r} {self.boot}"


def owner(leash: tuple[int, float]) -> Owner:
    """The owner of what this process starts for the leash's process."""
    return Owner(*leash, boot())


def parsed(text: str) -> Owner | None:
    """An owner from its label; None when it is none of ours."""
    try:
        pid, born, boot_id = text.split(" ")
        return Owner(int(pid), float(born), boot_id)
    except ValueError:
        return None


def boot() -> str:
    """What tells this boot of the machine from the ones before; empty where the system does not say."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""

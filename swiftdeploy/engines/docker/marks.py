"""Labels by which everything of one project is found again, whatever its journal and manifest say."""

from __future__ import annotations

import os
import socket
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
    """A process that the stack must not outlive: pid, creation time, the boot that both are of, and where that is: a
    daemon may be shared by machines, and by containers whose processes are not seen from here."""

    pid: int
    born: float
    boot: str
    place: str

    def __str__(self) -> str:
        return f"{self.pid} {self.born!r} {self.boot} {self.place}"


def owner(leash: tuple[int, float]) -> Owner:
    """The owner of what this process starts for the leash's process."""
    return Owner(*leash, boot(), place())


def parsed(text: str) -> Owner | None:
    """An owner from its label; None when it is none of ours."""
    try:
        pid, born, boot_id, where = text.split(" ")
        return Owner(int(pid), float(born), boot_id, where)
    except ValueError:
        return None


def boot() -> str:
    """What tells this boot of the machine from the ones before; empty where the system does not say."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def place() -> str:
    """What tells this machine, or container, from others: its name, and the namespace of its processes."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}"

"""Facts of this machine for the infrastructure gate: disk, load, memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from swiftdeploy.model import policy
from swiftdeploy.model.decision import Json

GIB = 1024**3
MEMORY = Path("/proc/meminfo")

BASELINE: Mapping[str, Json] = policy.HEALTHY["infrastructure"]
"""Facts of a healthy machine, which scenarios start from."""


@dataclass(frozen=True)
class Host:
    """The machine as it is. `folder` says what lies on the file system that is measured; it need not exist yet."""

    folder: Callable[[], Path]

    def facts(self) -> Mapping[str, Json]:
        """disk_free_gb (GiB that this user may fill), cpu_load_1m, cpu_count, mem_free_percent, simulated: False."""
        return {
            "disk_free_gb": round(shutil.disk_usage(_existing(self.folder())).free / GIB, 2),
            "cpu_load_1m": round(os.getloadavg()[0], 2),
            "cpu_count": os.cpu_count() or 1,
            "mem_free_percent": round(_memory_free_percent(MEMORY), 2),
            "simulated": False,
        }


@dataclass(frozen=True)
class SimulatedHost:
    """A machine of a scenario: the healthy baseline with some facts replaced, marked as simulated."""

    replaced: Mapping[str, Json]

    def facts(self) -> Mapping[str, Json]:
        return {**BASELINE, **self.replaced, "simulated": True}


def _existing(folder: Path) -> Path:
    path = folder.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def _memory_free_percent(meminfo: Path) -> float:
    """What programs may still take, page cache included (MemAvailable), in percent of all memory."""
    if not meminfo.exists():
        import psutil  # macOS; on Linux the file is 20 ms faster

        memory = psutil.virtual_memory()
        return 100.0 * memory.available / memory.total
    lines = (line.split() for line in meminfo.read_text(encoding="ascii").splitlines())
    kilobytes = {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1}
    # kernels before 3.14 have no MemAvailable
    available = kilobytes.get("MemAvailable", kilobytes["MemFree"] + kilobytes.get("Cached", 0))
    return 100.0 * available / kilobytes["MemTotal"]

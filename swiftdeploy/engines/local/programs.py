"""What supervisord should run, one record (JSON, 0600) and one generated INI section a program.

The records are the engine's own markers: what is in this folder was started and not stopped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from swiftdeploy.engines.local.places import Places, write
from swiftdeploy.engines.local.rundir import RunDir

PROXY, JUDGE, LEASH = "proxy", "judge", "leash"
INSTANCE = re.compile(r"(stable|canary)-\d+")
LOG_BYTES = 5_000_000
# Compose's policies in supervisor's words. `startsecs=0` respawns for ever; 1 would give up after `startretries`.
AUTORESTART = {"no": "false", "always": "true", "unless-stopped": "true", "on-failure": "unexpected"}


@dataclass(frozen=True)
class Program:
    """`file` is executed with `argv`, `env` (complete) and `cwd`. `sweep` ends processes left in `cwd` first, `unlink`
    names stale sockets. `restart` is Compose's word. Instances have a port and what draining needs to know; `state` is
    a folder that exists and is empty at each start, where one is asked for."""

    name: str
    file: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    restart: str = "always"
    sweep: bool = False
    unlink: tuple[str, ...] = ()
    port: int = 0
    release: str = ""
    metrics_path: str = ""
    drain_timeout_seconds: float = 0.0
    state: str = ""


def save(program: Program, places: Places, run: RunDir) -> None:
    """Write the record and its INI section; the record first, since a section without one could not start."""
    write(places.programs / f"{program.name}.json", json.dumps(asdict(program)))
    write(places.programs / f"{program.name}.conf", section(program, run))


def read(name: str, places: Places) -> Program | None:
    """The record of a program; None when there is none or a crash tore it."""
    try:
        found: dict[str, Any] = json.loads((places.programs / f"{name}.json").read_text(encoding="utf-8"))
        words: Any = {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}
        return Program(**words)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def names(places: Places) -> tuple[str, ...]:
    """All programs, torn records included."""
    return tuple(sorted(path.stem for path in places.programs.glob("*.json") if not path.name.startswith(".")))


def instances(places: Places) -> tuple[str, ...]:
    return tuple(name for name in names(places) if INSTANCE.fullmatch(name))


def remove(name: str, places: Places) -> None:
    for suffix in (".conf", ".json"):
        (places.programs / f"{name}{suffix}").unlink(missing_ok=True)


def record(name: str, places: Places) -> Path:
    """The file whose existence says that the program was started and not stopped."""
    return places.programs / f"{name}.json"


def section(program: Program, run: RunDir) -> str:
    """The INI section: generated words only."""
    options = {
        "command": f"{run.python} -I -S {run.launch} {run.local}/programs/{program.name}.json",
        "autostart": "true",
        "autorestart": AUTORESTART.get(program.restart, "true"),
        "exitcodes": "0",
        "startsecs": "0",
        "stopsignal": "TERM",
        "stopwaitsecs": "3600",  # how long is decided by whoever stops it
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": f"{run.local}/logs/{program.name}.log",
        "stdout_logfile_maxbytes": str(LOG_BYTES),
        "stdout_logfile_backups": "1",
    }
    return f"[program:{program.name}]\n" + "".join(f"{key}={value}\n" for key, value in options.items())

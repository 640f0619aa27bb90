"""The private supervisord of one project: started, repaired, told what to run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from swiftdeploy.engines.local import logs, programs, pulse, rundir
from swiftdeploy.engines.local.places import Places, write
from swiftdeploy.engines.local.programs import Program
from swiftdeploy.engines.local.rundir import RunDir
from swiftdeploy.model.errors import EnvironmentMissing

if TYPE_CHECKING:
    from swiftdeploy.engines.local.rpc import Rpc

START_SECONDS = 20.0
INSISTENCE = 5
LOG_LINES = 200
SILENCE_SECONDS = 1.0  # a dead one is refused at once, and may be back any moment
TRUST_SECONDS = 10.0
KEPT_VARIABLES = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")


@dataclass(frozen=True)
class Info:
    """What supervisord knows of a program. `exit_status` is that of its last end, -1 after a signal."""

    state: str
    pid: int
    exit_status: int
    error: str


class Supervisor:
    """One supervisord, reached anew after each crash. Raises EnvironmentMissing when it cannot be started."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._reached: tuple[RunDir, Rpc] | None = None
        self._silent_until = 0.0

    def beats(self) -> bool:
        """Whether it runs and is not hung, asked anew."""
        run = self.run_dir()
        if run is None:
            return False
        began = time.monotonic()
        if pulse.beats(run.socket):
            self._silent_until = 0.0
            return True
        self._note_silence(began)
        return False

    def run_dir(self) -> RunDir | None:
        return rundir.find(self._places)

    def start(self, first: tuple[Program, ...] = ()) -> None:
        """Start it, with `first` and every program that was recorded before, so that a crashed stack comes back as it
        was; whatever an earlier supervisord left must be gone already."""
        self._places.make()
        run = self.run_dir()
        if run is None:
            run = rundir.make(self._places)
            programs.remove(programs.PROXY, self._places)  # its argv names the old folder; `route` starts it anew
        for name in programs.names(self._places):
            _renew(name, self._places, run)
        for program in first:
            programs.save(program, self._places, run)
        write(self._places.local / "supervisord.conf", configuration(run))
        self._reached, self._silent_until = None, 0.0
        if said := _daemon(run, self._places):
            raise EnvironmentMissing(f"supervisord did not start: {said}")

    def add(self, program: Program) -> None:
        """Record a program and run it now; one of the same name must be gone."""
        from swiftdeploy.engines.local.rpc import ALREADY_ADDED, ALREADY_STARTED

        programs.save(program, self._places, self._need())
        self._call("reloadConfig")
        if self._call("addProcessGroup", program.name, fine=(ALREADY_ADDED,)) is None:
            self._call("startProcess", program.name, False, fine=(ALREADY_STARTED,))

    def stop(self, name: str, grace_seconds: float) -> None:
        """SIGTERM, wait, SIGKILL; then forget it, its record too. Fine when it is unknown or already gone."""
        from swiftdeploy.engines.local import processes
        from swiftdeploy.engines.local.rpc import BAD_NAME, NOT_RUNNING

        limit = time.monotonic() + grace_seconds
        pid = known.pid if (known := self.info(name)) else 0
        self._call("stopProcess", name, False, fine=(BAD_NAME, NOT_RUNNING))
        self._call("signalProcess", name, "CONT", fine=(BAD_NAME, NOT_RUNNING))  # a suspended one hears no SIGTERM
        self._insist(name)
        if not self._stopped(name, grace_seconds):
            self._call("signalProcess", name, "KILL", fine=(BAD_NAME, NOT_RUNNING))
            self._stopped(name, 2.0)
        if pid:
            processes.end_group(pid, max(0.0, limit - time.monotonic()))
        programs.remove(name, self._places)
        self._call("removeProcessGroup", name, fine=(BAD_NAME,))

    def shutdown(self, grace_seconds: float) -> None:
        """End everything it runs at once, then itself, within that time if they let it. Raises rpc.Unreachable when
        it was gone before; whatever is left afterwards is the caller's to sweep."""
        from swiftdeploy.engines.local.rpc import Unreachable

        self._call("stopAllProcesses", False)
        self._insist()
        self._call("shutdown")  # from here on it starts nothing again
        run = self.run_dir()
        limit = time.monotonic() + grace_seconds
        while run and run.socket.exists() and time.monotonic() < limit:
            time.sleep(0.01)
            with suppress(Unreachable):
                self._call("getState")  # refused by now, and yet it makes it look who has ended

    def info(self, name: str) -> Info | None:
        """What it knows of one program now; None when it was never told."""
        return self.all().get(name)

    def all(self) -> dict[str, Info]:
        """What it knows of each program. Raises rpc.Unreachable."""
        self._call("getState")  # it notices exits on a 1 s tick, or after answering any call
        found = cast(list[dict[str, Any]], self._call("getAllProcessInfo"))
        return {one["name"]: Info(one["statename"], one["pid"], one["exitstatus"], one["spawnerr"]) for one in found}

    def last_end(self, name: str) -> str:
        """How a program ended last, such as `exit status 3` or `SIGKILL`. From its log: what it says of a program is
        the end of the process before only until it starts the next."""
        for line in reversed(logs.tail(self._places.local / "supervisord.log", LOG_LINES)):
            if found := re.search(rf" exited: {re.escape(name)} \((?:terminated by )?([^;()]+)", line):
                return found[1]
        return "an unknown status"

    def _stopped(self, name: str, seconds: float) -> bool:
        limit = time.monotonic() + seconds
        while True:
            now = self.info(name)
            if now is None or now.state not in ALIVE:
                return True
            if time.monotonic() >= limit:
                return False
            time.sleep(0.005)

    def _insist(self, only: str = "") -> None:
        """SIGTERM again for what was started within this second: one that meets a child between supervisord's fork and
        its exec is swallowed by the handler that the child inherited, and the child would live until SIGKILL."""
        from swiftdeploy.engines.local.rpc import BAD_NAME, NOT_RUNNING

        for _ in range(INSISTENCE):
            self._call("getState")  # makes it look who has ended
            found = cast(list[dict[str, Any]], self._call("getAllProcessInfo"))
            deaf = [
                one["name"]
                for one in found
                if one["statename"] == "STOPPING" and one["now"] - one["start"] <= 1 and only in ("", one["name"])
            ]
            if not deaf:
                return
            time.sleep(0.1)
            for name in deaf:
                self._call("signalProcess", name, "TERM", fine=(BAD_NAME, NOT_RUNNING))

    def _need(self) -> RunDir:
        run = self.run_dir()
        if run is None:
            raise EnvironmentMissing("supervisord of this project does not run", "run `swiftdeploy deploy`")
        return run

    def _call(self, method: str, *args: str | bool, fine: tuple[int, ...] = ()) -> object:
        from swiftdeploy.engines.local.rpc import Rpc, Unreachable

        run = self.run_dir()
        if run is None:
            raise Unreachable("it was never started")
        if self._reached is None or self._reached[0] != run:
            self._reached = run, Rpc(run.socket)
        began = time.monotonic()
        if began < self._silent_until:
            raise Unreachable("it does not answer")
        try:
            return self._reached[1].call(method, *args, fine=fine)
        except Unreachable:
            self._note_silence(began)
            raise

    def _note_silence(self, began: float) -> None:
        """One that is hung costs a time-out a call: do not pay it for each."""
        now = time.monotonic()
        if now - began >= SILENCE_SECONDS:
            self._silent_until = now + TRUST_SECONDS


ALIVE = frozenset({"STARTING", "RUNNING", "BACKOFF", "STOPPING"})


def configuration(run: RunDir) -> str:
    """supervisord's INI: generated words and the private folder's path only."""
    return f"""[supervisord]
logfile={run.local}/supervisord.log
logfile_maxbytes=1000000
logfile_backups=1
pidfile={run.local}/supervisord.pid
childlogdir={run.local}/logs
identifier=swiftdeploy
nocleanup=true

[unix_http_server]
file={run.socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[include]
files={run.local}/programs/*.conf
"""


def _daemon(run: RunDir, places: Places) -> str | None:
    """Start the daemon; it answers when this returns None. Else what it said."""
    try:
        done = subprocess.run(
            (sys.executable, "-P", "-m", "supervisor.supervisord", "-c", f"{run.local}/supervisord.conf"),
            env=environment(places),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=START_SECONDS,
            start_new_session=True,  # else Ctrl-C in the caller's terminal would end it
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {START_SECONDS:g} s"
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip() or f"exit {done.returncode}"


def environment(places: Places) -> dict[str, str]:
    """The environment of supervisord itself, with the mark by which it is found."""
    return {**inherited(), "SWIFTDEPLOY_ROOT": str(places.root), "PYTHONPATH": python_path()}


def inherited() -> dict[str, str]:
    """What programs inherit of the caller's environment: as little as programs usually need."""
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}


def python_path() -> str:
    """Where our own packages are, for programs of ours that start without the caller's `sys.path`."""
    found = (find_spec(name) for name in ("supervisor", "psutil", "swiftdeploy"))
    folders = dict.fromkeys(str(Path(one.origin).parent.parent) for one in found if one and one.origin)
    return os.pathsep.join(folders)


def _renew(name: str, places: Places, run: RunDir) -> None:
    """Write a program's section for a new private folder; a record that a crash tore is dropped."""
    found = programs.read(name, places)
    if found is None:
        programs.remove(name, places)
    else:
        programs.save(found, places, run)


def variables(extra: Mapping[str, str], places: Places) -> dict[str, str]:
    """A complete environment for a program of ours."""
    return {**inherited(), **extra, "SWIFTDEPLOY_ROOT": str(places.root)}

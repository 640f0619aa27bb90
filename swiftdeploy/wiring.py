"""The only place where real effects are chosen."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from swiftdeploy.edge.clock import Clock
from swiftdeploy.edge.console import Console
from swiftdeploy.edge.files import Files, Home
from swiftdeploy.edge.history import History
from swiftdeploy.edge.interrupts import Interrupts
from swiftdeploy.edge.lock import CommandLock, Holder, holder
from swiftdeploy.edge.phases import Listener, kill_at, phases, stop_if_wanted
from swiftdeploy.flow.world import Engine, Host, Judge, World
from swiftdeploy.model import errors, journal
from swiftdeploy.model.decision import Json
from swiftdeploy.model.state import EngineName, Settings, State

if TYPE_CHECKING:
    from swiftdeploy.judges.embedded import Embedded
    from swiftdeploy.model.manifest import Manifest

ENGINE_VARIABLE = "SWIFTDEPLOY_ENGINE"
FAILPOINT_VARIABLE = "SWIFTDEPLOY_FAILPOINT"  # tests kill a command at a phase boundary with it
_POLICY_KEY = re.compile(r"""(?:^|[\s{,'"])policy['"]?\s*:""")
OPA_VARIABLE = "SWIFTDEPLOY_OPA"  # an opa binary that is not on PATH; the word `off` means: use none


@dataclass(frozen=True)
class Project:
    """One project folder and how a command or test wants to run in it.

    `engine`: as asked by a flag. `simulated`: host facts for scenarios, None measures. `leash`: pid and start time of
    the process that the stack must not outlive. `starts`: the command may start instances and a judge; `watches`: it
    asks the judge's server, where one runs, and loads nothing into it.
    """

    root: Path
    manifest_name: str = "manifest.yaml"
    engine: str | None = None
    console: Console = field(default_factory=Console)
    interrupts: Interrupts = field(default_factory=Interrupts)
    simulated: Mapping[str, Json] | None = None
    leash: tuple[int, float] | None = None
    listeners: tuple[Listener, ...] = ()
    starts: bool = False
    watches: bool = False

    @cached_property
    def files(self) -> Files:
        return Files(self.root, home=self._home)

    def _home(self) -> Home:
        """Where the manifest has the policies; the usual place where it cannot be read. Only one that speaks of
        policies is read for it: that takes half as long as a rollback may."""
        try:
            text = self.files.read(self.manifest_name)
            if not _POLICY_KEY.search(text):
                return Home()
            from swiftdeploy.model import manifest

            asked = manifest.parse(text, self.manifest_name).policy
        except errors.Unreadable:
            return Home()
        return Home(asked.path, asked.packages)

    @cached_property
    def history(self) -> History:
        return History(
            self.root / "history.jsonl", f"{os.getpid()}-{os.urandom(4).hex()}", _actor(), on_repair=self.console.warn
        )

    @cached_property
    def manifest(self) -> Manifest | None:
        """The manifest where it can be read; verbs that need it raise their own error."""
        from swiftdeploy.model import manifest

        try:
            return manifest.parse(self.files.read(self.manifest_name), self.manifest_name)
        except errors.Unreadable:
            return None

    @cached_property
    def state(self) -> State:
        """What the last commit says; nothing when the journal cannot be read (the verb says so)."""
        try:
            last = journal.committed(self.history.changes())
        except errors.Unreadable:
            return State()
        return last.state if last else State()

    def world(self) -> World:
        """All effects of this project, chosen. Raises NotPossible (another engine runs), EnvironmentMissing (none)."""
        from swiftdeploy.edge.tools import Tools
        from swiftdeploy.edge.traffic import Probe
        from swiftdeploy.edge.web import Web

        engine = self._engine()
        lock_path = self.root / ".swiftdeploy" / "lock"
        guard = stop_if_wanted(self.interrupts.check, self._defer)
        failpoint = os.environ.get(FAILPOINT_VARIABLE, "")
        return World(
            manifest_name=self.manifest_name,
            engine=engine,
            judge=self._judge(engine),
            web=Web(),
            traffic=Probe(self.interrupts.pending),
            host=self._host(engine),
            files=self.files,
            journal=self.history,
            clock=Clock(self.interrupts.check),
            console=self.console,
            rego=self._embedded,
            tools=Tools(),
            lock=CommandLock(lock_path),
            phase=phases(guard, *self.listeners, *((kill_at(failpoint),) if failpoint else ())),
            holder=lambda: _in_words(holder(lock_path)),
        )

    def engine_name(self) -> EngineName:
        """The engine of the running stack; else as asked by flag, environment or manifest; else what is there."""
        asked = self.engine or os.environ.get(ENGINE_VARIABLE) or ""
        if asked and asked not in get_args(EngineName):
            raise errors.Unreadable(f"there is no engine {asked!r}", f"engines are {', '.join(get_args(EngineName))}")
        if self.state.engine and self.state.instances:
            if asked and asked != self.state.engine:
                raise errors.NotPossible(
                    f"the stack runs on the {self.state.engine} engine and not on {asked}",
                    "run `swiftdeploy teardown` first",
                )
            return self.state.engine
        if asked:
            return cast(EngineName, asked)
        if self.manifest and self.manifest.engine:
            return self.manifest.engine
        return self._engine_there

    @cached_property
    def _engine_there(self) -> EngineName:
        """What nobody asked for: docker where a daemon answers, else local where it can run what the manifest names."""
        from swiftdeploy.engines.docker import cli

        no_daemon = cli.no_daemon()
        if no_daemon is None:
            return "docker"
        if not self.starts or self.manifest is None or self.manifest.services.command:
            return "local"
        raise errors.EnvironmentMissing(
            f"no engine fits: {no_daemon}, and the manifest has no services.command for the local engine",
            "start the Docker daemon, add services.command, or run the sample app in its place with --engine local",
        )

    def chosen_by_itself(self) -> bool:
        """Nobody asked for this engine, and no stack has it yet: worth saying."""
        asked = self.engine or os.environ.get(ENGINE_VARIABLE) or (self.manifest and self.manifest.engine)
        return not asked and not self.state.instances

    def _engine(self) -> Engine:
        if self.engine_name() == "docker":
            from swiftdeploy.engines.docker.engine import Docker

            return Docker(self.root, self.files.templates, self.leash)
        from swiftdeploy.edge.bundled import folder
        from swiftdeploy.engines.local.engine import Local

        explicit = (self.engine or os.environ.get(ENGINE_VARIABLE)) == "local"
        stands_in = explicit or any(one.release.sample_app for one in self.state.instances)
        sample_app = folder("app") / "main.py" if stands_in else None
        return Local(self.root, self.files.templates, sample_app, self.leash, opa_binary())

    def _judge(self, engine: Engine) -> Judge:
        """An OPA server where the stack has one; the embedded judge everywhere else."""
        asks = self.starts or (self.watches and self.state.instances)
        served = engine.name == "docker" or opa_binary() is not None
        if not served or not asks or self.manifest is None:
            return self._embedded
        from swiftdeploy.judges.opa import Opa
        from swiftdeploy.model import asking

        settings = self.state.settings or asking.settings(self.manifest, engine.name)
        return Opa(
            settings.opa_port,
            self.manifest.opa.on_unavailable,
            self._embedded,
            reads_only=not self.starts,
            start=lambda: self._let_go(engine, settings),
            stop=lambda: engine.hold_judge_down(True),
            packages=tuple(self.manifest.policy.packages.values()),
        )

    def _let_go(self, engine: Engine, settings: Settings) -> None:
        engine.hold_judge_down(False)
        engine.start_judge(settings, self.files.policies())

    @cached_property
    def _embedded(self) -> Embedded:
        from swiftdeploy.judges.embedded import Embedded

        return Embedded()

    def _host(self, engine: Engine) -> Host:
        from swiftdeploy.edge import host

        if self.simulated is not None:
            return host.SimulatedHost(self.simulated)
        return host.Host(self._docker_root if engine.name == "docker" else lambda: self.root)

    def _docker_root(self) -> Path:
        """Where images and volumes go; this folder where the daemon's own is on another machine."""
        from swiftdeploy.engines.docker import cli

        folder = cli.ask("info", "--format", "{{.DockerRootDir}}").out.strip()
        return Path(folder) if folder and Path(folder).is_dir() else self.root

    def _defer(self, deferred: bool) -> None:
        self.interrupts.deferred = deferred


def opa_binary() -> str | None:
    """The opa binary that the local engine runs as its judge; None where the embedded judge is the judge."""
    named = os.environ.get(OPA_VARIABLE, "")
    return None if named == "off" else named or shutil.which("opa")


def _in_words(found: Holder | None) -> str | None:
    return None if found is None else str(found)


def _actor() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's numeric user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"

"""The local engine: instances, nginx and OPA as processes of one user, no daemon and no root needed."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from swiftdeploy.engines.local import code, drain, holder, instances, logs, places, programs
from swiftdeploy.engines.local.code import Code
from swiftdeploy.engines.local.proxy import Proxy
from swiftdeploy.engines.local.supervisor import ALIVE, Info, Supervisor
from swiftdeploy.flow.world import Part
from swiftdeploy.machine import ports
from swiftdeploy.model import asking
from swiftdeploy.model.check import Check
from swiftdeploy.model.decision import PolicySet
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import EngineName, Instance, Release, Settings, State

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

STOP_SECONDS = 10.0
LOGS_KEPT = 20
CRASHES = 5  # an instance that ended so often while it was watched will not become ready


class Local:
    """Fulfils flow.world.Engine. `leash`: pid and creation time of a process that the stack must not outlive."""

    def __init__(
        self,
        root: Path,
        templates: Callable[[], Mapping[str, str]],
        sample_app: Path | None,
        leash: tuple[int, float] | None = None,
        opa_binary: str | None = None,
    ) -> None:
        self._places = places.of(root)
        self._code = Code(self._places, sample_app)
        self._leash = leash
        self._opa = opa_binary
        self._supervisor = Supervisor(self._places)
        self._proxy = Proxy(self._places, self._supervisor, templates)
        self._drain = drain.Drain(self._places)
        self._pids: dict[str, set[int]] = {}
        self._judge_held_down = False

    @property
    def name(self) -> EngineName:
        return "local"

    def fetch(self, manifest: Manifest) -> None:
        del manifest  # the files are the project's own

    def release(self, manifest: Manifest) -> Release:
        return code.release(manifest, self._code)

    def open(self, settings: Settings) -> None:
        self._proxy.require_ports(settings)
        if self._opa:
            holder.require("127.0.0.1", settings.opa_port, "opa.port", self._places)
        if not self._supervisor.beats():
            from swiftdeploy.engines.local import sweep

            sweep.leftovers(self._places, STOP_SECONDS)
            self._supervisor.start(self._leashes())
        elif self._leash and programs.read(programs.LEASH, self._places) is None:
            self._supervisor.add(*self._leashes())

    def _leashes(self) -> tuple[programs.Program, ...]:
        """Given to supervisord with its start, so that there is no moment without."""
        if self._leash is None:
            return ()
        from swiftdeploy.engines.local import leash

        return (leash.program(self._places, *self._leash),)

    def is_open(self) -> bool:
        return self._supervisor.beats()

    def start_judge(self, settings: Settings, policies: PolicySet) -> None:
        del policies  # the judge that asks loads what it asks about
        if self._opa and not self._judge_held_down:
            from swiftdeploy.engines.local import judge

            judge.start(self._opa, settings.opa_port, self._places, self._supervisor)

    def running(self) -> tuple[str, ...]:
        return programs.instances(self._places)

    def start(self, instance: Instance, manifest: Manifest) -> None:
        known = programs.read(instance.id, self._places)
        if known and known.release == instance.release.id and _lives(self._supervisor.info(instance.id)):
            return
        # nothing of a stack left: no instance needs the old copy, and the project may have more edits than argv names
        self._code.keep(instance.release, anew=not self.running())
        port = instances.port_for(instance, self._places)
        program = instances.program(instance, manifest, port, self._code)
        if self._supervisor.info(instance.id):
            self._supervisor.stop(instance.id, 0.0)
        if known is None or known.release != instance.release.id:
            logs.drop(self._places.log(instance.id))  # an id that an undone change had too
            logs.prune(self._places.logs, LOGS_KEPT)
        self._pids.pop(instance.id, None)
        self._supervisor.add(program)

    def ended(self, instance: Instance) -> str | None:
        from swiftdeploy.engines.local.rpc import Unreachable

        try:
            known = self._supervisor.info(instance.id)
        except Unreachable as error:
            return f"its supervisor is gone ({error.why})"
        if known is None:
            return "it was never started, or was lost with its supervisor"
        program = programs.read(instance.id, self._places)
        if not _lives(known) and not (program and _comes_back(known, program.restart)):
            return _in_words(known)
        seen = self._pids.setdefault(instance.id, set())
        seen.add(known.pid)
        if len(seen - {0}) <= CRASHES:
            return None
        return f"it has ended {CRASHES} times already, the last time with {self._supervisor.last_end(instance.id)}"

    def address(self, instance: Instance) -> str:
        known = programs.read(instance.id, self._places)
        if known is None:
            raise EnvironmentMissing(f"{instance.id} has no address: it does not run", "run `swiftdeploy deploy`")
        return f"127.0.0.1:{known.port}"

    def route(self, state: State) -> None:
        self._drain.begin()
        self._proxy.route(state, {one.id: self.address(one) for one in state.instances})

    def unrouted(self, state: State) -> str | None:
        return self._proxy.unrouted(state)

    def busy(self, ids: Sequence[str]) -> str | None:
        return self._drain.busy(ids)

    def stop(self, instance_id: str, grace_seconds: float) -> None:
        from swiftdeploy.engines.local import processes
        from swiftdeploy.engines.local.rpc import Unreachable

        known = programs.read(instance_id, self._places)
        try:
            self._supervisor.stop(instance_id, grace_seconds)
        except Unreachable:
            programs.remove(instance_id, self._places)
        processes.end(processes.marked(self._places, instance_id), grace_seconds)
        if known:
            ports.release(known.port, self._places.root)
            if known.state:
                shutil.rmtree(known.state, ignore_errors=True)

    def log_tail(self, name: str, lines: int) -> tuple[str, ...]:
        return logs.tail(self._places.log(name), lines)

    def log_follow(self, name: str) -> Iterator[str]:
        return logs.follow(self._places.log(name))

    def proxy_log(self, since: float) -> Sequence[str]:
        return self._proxy.window_log(since)

    def parts(self, state: State) -> tuple[Part, ...]:
        from swiftdeploy.engines.local.rpc import Unreachable

        try:
            known = self._supervisor.all()
            lost = "it is not known to its supervisor"
        except Unreachable as error:
            known, lost = {}, f"its supervisor is gone ({error.why})"
        judge = (programs.JUDGE,) if self._opa or programs.read(programs.JUDGE, self._places) else ()
        wanted = (*(one.id for one in state.instances), programs.PROXY, *judge) if state.instances else ()
        return tuple(_part(name, known.get(name), lost) for name in wanted)

    def test_proxy(self, manifest: Manifest) -> str | None:
        return self._proxy.test(asking.settings(manifest, "local"))

    def missing_command(self, manifest: Manifest) -> str | None:
        argv = manifest.services.command
        return code.missing(argv[0], instances.search_path(manifest), self._places.root) if argv else None

    def inventory(self) -> tuple[Check, ...]:
        from swiftdeploy.engines.local import inventory

        return inventory.checks(self._opa)

    def port_holder(self, port: int) -> str | None:
        return holder.of("127.0.0.1", port, self._places)

    def kill(self, part: str) -> None:
        known = self._supervisor.info(part)
        if known is None or not known.pid:
            raise EnvironmentMissing(f"{part} does not run, so it cannot be killed", "run `swiftdeploy deploy`")
        os.kill(known.pid, signal.SIGKILL)

    def hold_judge_down(self, down: bool) -> None:
        self._judge_held_down = down
        if down:
            self.stop(programs.JUDGE, 0.0)

    def close(self, clean: bool) -> None:
        from swiftdeploy.engines.local import sweep

        sweep.everything(self._places, STOP_SECONDS, clean)


def _lives(known: Info | None) -> bool:
    return known is not None and known.state in ALIVE


def _comes_back(known: Info, restart: str) -> bool:
    """Whether supervisord will start it again by itself in its next round."""
    if known.state != "EXITED":
        return False
    return restart in ("always", "unless-stopped") or (restart == "on-failure" and known.exit_status != 0)


def _in_words(known: Info) -> str:
    if known.state in ("FATAL", "BACKOFF"):
        return f"it could not be started: {known.error}"
    if known.state == "STOPPED":
        return "it was stopped"
    return "it was ended by a signal" if known.exit_status < 0 else f"exited with status {known.exit_status}"


def _part(name: str, known: Info | None, lost: str) -> Part:
    if known is None:
        return Part(name, "stopped", None, lost)
    match known.state:
        case "RUNNING" | "STARTING":
            return Part(name, "running", known.pid)
        case "BACKOFF":
            return Part(name, "starting", None, _in_words(known))
        case _:
            return Part(name, "stopped", None, _in_words(known))

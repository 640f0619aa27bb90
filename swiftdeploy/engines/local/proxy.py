"""nginx as the stack's proxy: routes written, tested, taken over, and seen in force."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass

from swiftdeploy.engines.local import holder, logs, nginx, programs, windowlog, workers
from swiftdeploy.engines.local.places import Places, write
from swiftdeploy.engines.local.programs import Program
from swiftdeploy.engines.local.rundir import RunDir
from swiftdeploy.engines.local.supervisor import Supervisor, variables
from swiftdeploy.machine import ask
from swiftdeploy.model import render, routes
from swiftdeploy.model.errors import EnvironmentMissing, Unreadable
from swiftdeploy.model.routes import Routes
from swiftdeploy.model.state import Settings, State

WORKERS = 2
LOG_BYTES = 10_000_000
ACCESS_LOG, WINDOW_LOG = "access.log", "window.log"


@dataclass(frozen=True)
class Routed:
    """What the proxy was last told. `former`: the workers that accepted connections before it was."""

    generation: int
    bind: str
    port: int
    admin_port: int
    former: tuple[int, ...] = ()


class Proxy:
    """The proxy of one project. Raises EnvironmentMissing when nginx or a port is missing."""

    def __init__(self, places: Places, supervisor: Supervisor, templates: Callable[[], Mapping[str, str]]) -> None:
        self._places = places
        self._supervisor = supervisor
        self._templates = templates

    def require_ports(self, settings: Settings) -> None:
        """Raise EnvironmentMissing when another holds a published port."""
        now = self._routed()
        if now and workers.master(self._places) and _listens(settings) == (now.bind, now.port, now.admin_port):
            return
        holder.require(settings.bind, settings.port, "nginx.port", self._places)
        holder.require("127.0.0.1", settings.admin_port, "nginx.admin_port", self._places)

    def route(self, state: State, addresses: Mapping[str, str]) -> None:
        """Make nginx read the routes of `state`; `addresses` maps instance ids to `host:port`. Raises Unreadable
        when nginx refuses what the templates make of them."""
        run = self._supervisor.run_dir()
        settings = state.settings
        if run is None or settings is None:
            raise EnvironmentMissing("supervisord of this project does not run", "run `swiftdeploy deploy`")
        config, routes = self._texts(state, settings, addresses, run)
        files = {self._places.proxy / "nginx.conf": config, self._places.routing: routes}
        if all(path.is_file() and path.read_text() == text for path, text in files.items()):
            if self.unrouted(state) is None:
                return
        else:
            self._require_good(config, routes, run)
        self.require_ports(settings)
        master = workers.master(self._places)
        former = tuple(sorted(workers.accepting(master))) if master else ()
        self._note(Routed(state.generation, *_listens(settings), former))
        for path, text in files.items():
            write(path, text)
        for name in (ACCESS_LOG, WINDOW_LOG):
            logs.rotate(self._places.logs / name, LOG_BYTES)
        if master:
            os.kill(master, signal.SIGHUP)
        else:
            self._start(run)

    def unrouted(self, state: State) -> str | None:
        """None when every new connection meets the routes of `state`: the new generation answers, and every former
        worker is gone or is titled `shutting down` (one answer of the new generation alone proves nothing)."""
        now = self._routed()
        if now is None or now.generation != state.generation:
            return f"routes of generation {state.generation} were not written"
        try:
            answer = ask.get(f"127.0.0.1:{now.admin_port}", "/generation", 1.0)
        except OSError as error:
            last = "".join(logs.tail(self._places.log(programs.PROXY), 1))
            return f"the proxy does not answer on 127.0.0.1:{now.admin_port} ({error}); its last words: {last}"
        if answer != (200, str(state.generation)):
            return f"the proxy still answers with generation {answer[1][:20].strip()!r}"
        master = workers.master(self._places)
        if master is None:
            return "the proxy's master process is gone"
        left = workers.accepting(master) & set(now.former)
        return f"{len(left)} workers with old routes still accept connections" if left else None

    def window_log(self, since: float) -> tuple[str, ...]:
        """Lines of the window log from `since` on. A grown log is moved aside first, once a window at most, so that
        nothing of this one is lost."""
        path = self._places.logs / WINDOW_LOG
        if windowlog.rotate(path, LOG_BYTES, since) and (master := workers.master(self._places)):
            with suppress(ProcessLookupError):
                os.kill(master, signal.SIGUSR1)  # open the logs anew
        return windowlog.lines(path, since)

    def test(self, settings: Settings) -> str | None:
        """`nginx -t` over the config for `settings` in a folder of its own; None when it passes."""
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory(prefix="swiftdeploy-test-", dir="/tmp") as folder:
            paths = _paths(folder, folder, f"{folder}/h", folder)
            templates = self._templates()
            tried = routes.text(Routes("127.0.0.1:1", "127.0.0.1:2", 50, 1, {}), f"{folder}/h", templates)
            Path(folder, "routing.conf").write_text(tried)
            Path(folder, "nginx.conf").write_text(render.local_proxy(settings, templates, paths))
            return nginx.test(nginx.find(), folder, f"{folder}/nginx.conf")

    def _texts(self, state: State, settings: Settings, addresses: Mapping[str, str], run: RunDir) -> tuple[str, str]:
        templates = self._templates()
        config = render.local_proxy(settings, templates, _stack_paths(run))
        stable = addresses.get(state.stable.id) if state.stable else None
        canary = addresses.get(state.canary.id) if state.canary else None
        told = Routes(stable, canary, state.weight, state.generation, addresses)
        return config, routes.text(told, str(run.handoff), templates)

    def _require_good(self, config: str, routes: str, run: RunDir) -> None:
        """`nginx -t` over staged files first: on a reload nginx keeps the old config and says nothing to us.

        Raises Unreadable for what the templates made, EnvironmentMissing for what the machine refused.
        """
        staged = self._places.proxy / "staged"
        staged.mkdir(mode=0o700, exist_ok=True)
        paths = _stack_paths(run)
        write(staged / "routing.conf", routes)
        write(staged / "nginx.conf", config.replace(paths.routing, f"{run.local}/proxy/staged/routing.conf"))
        said = nginx.test(nginx.find(), f"{run.local}/proxy", f"{run.local}/proxy/staged/nginx.conf")
        if said is None:
            return
        stay = ", so the old routes stay" if workers.master(self._places) else ""
        said = said.replace(f"{run.local}/proxy/staged/", "the rendered ")
        if nginx.blames_machine(said):
            raise EnvironmentMissing(f"nginx cannot work here{stay}: {said}")
        raise Unreadable(
            f"nginx refuses its configuration{stay}: {said}",
            "correct templates/nginx.conf.tmpl and templates/routing.conf.tmpl, or remove them",
        )

    def _start(self, run: RunDir) -> None:
        if self._supervisor.info(programs.PROXY):
            self._supervisor.stop(programs.PROXY, 1.0)
        binary = nginx.find()
        folder = f"{run.local}/proxy"
        self._supervisor.add(
            Program(
                programs.PROXY,
                binary,
                (binary, "-p", folder, "-e", "stderr", "-c", f"{folder}/nginx.conf"),
                variables({}, self._places),
                str(self._places.proxy),
                sweep=True,
                unlink=(str(run.handoff),),  # nginx cannot bind where a killed one left its socket
            )
        )

    def _note(self, routed: Routed) -> None:
        write(self._places.proxy / "routed.json", json.dumps(asdict(routed)))

    def _routed(self) -> Routed | None:
        try:
            found = json.loads((self._places.proxy / "routed.json").read_text())
            return Routed(**{**found, "former": tuple(found["former"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def _listens(settings: Settings) -> tuple[str, int, int]:
    return settings.bind, settings.port, settings.admin_port


def _stack_paths(run: RunDir) -> render.Paths:
    return _paths(f"{run.local}/proxy", f"{run.link}/routing", str(run.handoff), f"{run.local}/logs")


def _paths(folder: str, routing: str, handoff: str, log_folder: str) -> render.Paths:
    return render.Paths(
        pid=f"{folder}/nginx.pid",
        temp=folder,
        routing=f"{routing}/routing.conf",
        access_log=f"{log_folder}/{ACCESS_LOG}",
        window_log=f"{log_folder}/{WINDOW_LOG}",
        error_log="stderr",
        handoff=handoff,
        user_root=os.getuid() == 0,  # else workers run as nobody, who may not write in a private folder
        workers=WORKERS,
    )

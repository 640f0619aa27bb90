"""An OPA server under supervisord. It starts empty: whoever asks it loads the policies first."""

from __future__ import annotations

import time

from swiftdeploy.engines.local import holder, logs, programs
from swiftdeploy.engines.local.places import Places
from swiftdeploy.engines.local.programs import Program
from swiftdeploy.engines.local.supervisor import Supervisor, variables
from swiftdeploy.machine import ask
from swiftdeploy.model.errors import EnvironmentMissing

START_SECONDS = 10.0


def start(binary: str, port: int, places: Places, supervisor: Supervisor) -> None:
    """Run it on 127.0.0.1 and wait until it answers; nothing when it does already. Raises EnvironmentMissing."""
    known = programs.read(programs.JUDGE, places)
    if known and known.port == port and known.file == binary and _answers(port):
        return
    if supervisor.info(programs.JUDGE):
        supervisor.stop(programs.JUDGE, 2.0)
    holder.require("127.0.0.1", port, "opa.port", places)
    supervisor.add(_program(binary, port, places))
    limit = time.monotonic() + START_SECONDS
    while not _answers(port):
        if time.monotonic() > limit:
            said = "\n".join(logs.tail(places.log(programs.JUDGE), 5))
            supervisor.stop(programs.JUDGE, 1.0)
            raise EnvironmentMissing(f"OPA did not answer on 127.0.0.1:{port} in {START_SECONDS:g} s: {said}")
        time.sleep(0.01)


def _program(binary: str, port: int, places: Places) -> Program:
    argv = (
        binary, "run", "--server", "--addr", f"127.0.0.1:{port}", "--disable-telemetry",
        "--log-level", "error", "--log-format", "text", "--shutdown-grace-period", "1",
    )  # fmt: skip
    return Program(programs.JUDGE, binary, argv, variables({}, places), str(places.local), port=port)


def _answers(port: int) -> bool:
    try:
        return ask.get(f"127.0.0.1:{port}", "/health", 1.0)[0] == 200
    except OSError:
        return False

"""Other programs, run by argv, each in a process group of its own that never outlives the call."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.scenario.effects import Ran


class Shell:
    """Fulfils scenario.effects.Shell."""

    def run(self, argv: Sequence[str], folder: str, timeout_seconds: float) -> Ran:
        """Run it in `folder` with this environment, this Python's programs first; raises EnvironmentMissing."""
        programs = os.path.dirname(sys.executable)
        environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}
        try:
            child = subprocess.Popen(
                _found(argv, folder, environment["PATH"]),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as wrong:
            raise EnvironmentMissing(f"{argv[0]} cannot be run: {wrong}", "install it, or correct the argv") from wrong
        try:
            out, err = child.communicate(timeout=timeout_seconds)
            status: int | None = child.returncode
        except subprocess.TimeoutExpired:
            _end(child)
            out, err = child.communicate()
            status = None
        finally:
            _end(child)
        return Ran(status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def _found(argv: Sequence[str], folder: str, path: str) -> list[str]:
    """A word with a slash is a path from `folder`; others are looked for on `path`, which Popen itself would not do."""
    program = argv[0]
    if "/" in program:
        return [os.path.join(folder, program), *argv[1:]]
    for place in path.split(os.pathsep):
        if os.access(candidate := os.path.join(place, program), os.X_OK) and os.path.isfile(candidate):
            return [candidate, *argv[1:]]
    return list(argv)


def _end(child: subprocess.Popen[bytes]) -> None:
    # the group, not only the child: what it started in the background holds the pipes open
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()

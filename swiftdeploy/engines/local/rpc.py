"""XML-RPC to supervisord over its unix socket, with a time-out (supervisor's own transport has none)."""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from swiftdeploy.model.errors import EnvironmentMissing

SECONDS = 3.0
SHUTTING_DOWN = 6
BAD_NAME, NOT_RUNNING, ALREADY_STARTED, ALREADY_ADDED = 10, 70, 60, 90


class Unreachable(EnvironmentMissing):
    """supervisord is dead, hung, shutting down, or not yet there."""

    def __init__(self, why: str) -> None:
        super().__init__(f"supervisord of this project does not answer: {why}", "run `swiftdeploy deploy`")
        self.why = why


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._kept: _Connection | None = None

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        self._kept = self._kept or _Connection(self._path)
        return self._kept

    def close(self) -> None:
        if self._kept:
            self._kept.close()
            self._kept = None


class Rpc:
    """Calls `supervisor.METHOD`. A fault whose code is in `fine` gives None, others raise EnvironmentMissing."""

    def __init__(self, path: Path) -> None:
        self._transport = _Transport(path)
        self._proxy = xmlrpc.client.ServerProxy("http://localhost", transport=self._transport)

    def call(self, method: str, *args: str | bool, fine: Iterable[int] = ()) -> object:
        """What it answers. Raises Unreachable."""
        try:
            return cast(object, getattr(self._proxy, f"supervisor.{method}")(*args))
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in fine:
                return None
            if fault.faultCode == SHUTTING_DOWN:
                raise Unreachable("it is shutting down") from fault
            raise EnvironmentMissing(f"supervisord refused {method} {args}: {fault.faultString}") from fault
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            self._transport.close()
            raise Unreachable(str(error) or type(error).__name__) from error

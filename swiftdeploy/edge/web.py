"""Small HTTP calls to this project's own loopback addresses, straight over http.client.

Not over requests: that takes 100 ms more to import, in every command that looks at an instance, and would follow the
environment's proxies.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from swiftdeploy.model.decision import Json

MAX_BODY_BYTES = 8 * 1024 * 1024


class Web:
    """Fulfils flow.world.Web. Whatever goes wrong, bad HTTP and bad addresses included, is an OSError."""

    def get(self, url: str, timeout_seconds: float) -> tuple[int, str]:
        """Status and text. Raises OSError when there is no whole answer in time, or one over 8 MiB."""
        return _exchange("GET", url, None, {}, timeout_seconds)

    def post(self, url: str, body: Mapping[str, Json], timeout_seconds: float) -> tuple[int, str]:
        """POST JSON; status and text. Raises OSError as `get` does."""
        sent = json.dumps(dict(body)).encode()
        return _exchange("POST", url, sent, {"Content-Type": "application/json"}, timeout_seconds)


class _Deadline(socket.socket):
    """A connection whose reads end at one point in time: an answer that drips cannot hold a command up."""

    ends_at = 0.0

    def recv_into(self, *args: object, **options: object) -> int:
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole answer in time")
        self.settimeout(left)
        return super().recv_into(*args, **options)  # type: ignore[arg-type]


def _exchange(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout_seconds: float
) -> tuple[int, str]:
    ends_at = time.monotonic() + timeout_seconds
    try:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80)
        with _connected(connection.host, connection.port, ends_at) as connection.sock:
            connection.request(method, target, body, {**headers, "Connection": "close"})
            answer = connection.getresponse()
            text = _bounded(answer, url)
            return answer.status, text.decode("utf-8", "replace")
    except (http.client.HTTPException, ValueError) as wrong:
        raise OSError(f"{url}: no usable answer ({type(wrong).__name__}: {wrong})") from wrong


def _connected(host: str, port: int, ends_at: float) -> _Deadline:
    """A connection on which whatever follows shares one deadline."""
    plain = socket.create_connection((host, port), timeout=max(0.001, ends_at - time.monotonic()))
    connection = _Deadline(fileno=plain.detach())
    connection.ends_at = ends_at
    connection.settimeout(max(0.001, ends_at - time.monotonic()))
    # a request in two writes would wait 40 ms for a delayed ACK
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _bounded(answer: http.client.HTTPResponse, url: str) -> bytes:
    body = answer.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise OSError(f"{url}: the answer is over {MAX_BODY_BYTES} bytes")
    if answer.length:  # read(amount) does not mind an early end
        raise http.client.IncompleteRead(body, answer.length)
    return body

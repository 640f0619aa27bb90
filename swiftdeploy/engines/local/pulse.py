"""Whether supervisord runs and is not hung, asked with a socket alone: xmlrpc takes 50 ms to import, and a rollback
that finds its stack healthy needs nothing else of supervisord before the switch."""

from __future__ import annotations

import socket
from pathlib import Path

SECONDS = 3.0
BODY = b"<?xml version='1.0'?><methodCall><methodName>supervisor.getPID</methodName><params></params></methodCall>"
HEAD = (
    b"POST /RPC2 HTTP/1.0\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
    b"Content-Length: " + str(len(BODY)).encode() + b"\r\n\r\n"
)


def beats(path: Path) -> bool:
    """True when supervisord on that unix socket says its pid in time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SECONDS)
        try:
            connection.connect(str(path))
            connection.sendall(HEAD + BODY)
            answer = b""
            while b"</methodResponse>" not in answer:
                more = connection.recv(65536)
                if not more:
                    return False
                answer += more
        except OSError:
            return False
    return b"<int>" in answer

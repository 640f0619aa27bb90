"""One small GET on a fresh connection to an address of our own: no proxy, no pool, no library to import."""

from __future__ import annotations

import socket


def get(address: str, path: str, timeout_seconds: float) -> tuple[int, str]:
    """Status and text of `host:port`. Raises OSError when there is no whole HTTP answer."""
    host, _, port = address.rpartition(":")
    request = f"GET {path} HTTP/1.0\r\nHost: {address}\r\nUser-Agent: swiftdeploy\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout_seconds) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise OSError("the answer was not HTTP")
    return int(words[1]), body.decode(errors="replace")

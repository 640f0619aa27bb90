"""Which addresses answer from where this runs. Standard library only, so that a container's Python runs it as well:
`python3 - [SOURCE] URL... < knock.py` prints one JSON object."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

SECONDS = 2.0


def knock(urls: Iterable[str], source: str = "") -> dict[str, str]:
    """Each URL to its HTTP status, or to what is in the way: `refused`, `no answer`, `no such name`, `no route`."""
    wanted = list(dict.fromkeys(urls))
    with ThreadPoolExecutor(64) as threads:
        return dict(zip(wanted, threads.map(lambda url: _one(url, source), wanted), strict=True))


def _one(url: str, source: str) -> str:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=SECONDS, source_address=(source, 0) if source else None
    )
    try:
        connection.connect()
    except ConnectionRefusedError:
        return "refused"
    except socket.gaierror:
        return "no such name"
    except TimeoutError:
        return "no answer"
    except OSError:
        return "no route"
    try:
        connection.request("GET", parts.path or "/")
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return "open"
    finally:
        connection.close()


if __name__ == "__main__":
    words = sys.argv[1:]
    first = words.pop(0) if words and "/" not in words[0] else ""
    sys.stdout.write(json.dumps(knock(words, first)))

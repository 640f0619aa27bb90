"""What containers wrote, both streams in the order of time."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from swiftdeploy.engines.docker import cli
from swiftdeploy.model import proxylog

SEEN = 100  # times as many lines are looked at as are wanted


def tail(container_id: str, lines: int) -> tuple[str, ...]:
    """The last lines; () when the container is gone. The proxy's window log is for the gate, not for people."""
    answer = cli.ask("logs", "--timestamps", "--tail", str(SEEN * lines), container_id)
    if answer.status:
        return ()
    # docker keeps the streams apart; the stamps have one length, so they sort as text
    written = sorted((answer.out + answer.err).splitlines(), key=lambda line: line.partition(" ")[0])
    texts = (line.partition(" ")[2] for line in written)
    return tuple(text for text in texts if not text.startswith(proxylog.MARK))[-lines:]


def follow(container_id: str) -> Iterator[str]:
    """Lines as they come, until the caller stops asking or the container ends."""
    child = subprocess.Popen(
        ("docker", "logs", "--follow", "--tail", "10", container_id),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert child.stdout is not None
    try:
        for line in child.stdout:
            if not line.startswith(proxylog.MARK):
                yield line.rstrip("\n")
    finally:
        child.kill()
        child.wait()

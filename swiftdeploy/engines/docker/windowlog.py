"""The proxy's window log, which in a container goes where all that it says goes."""

from __future__ import annotations

from swiftdeploy.engines.docker import cli
from swiftdeploy.model import proxylog

SLACK_SECONDS = 1.0  # Docker stamps a line when it has read it


def lines(container_id: str, since: float) -> tuple[str, ...]:
    """Its lines from `since` (unix seconds by the proxy's clock) on, and perhaps some before."""
    answer = cli.ask("logs", "--since", f"{since - SLACK_SECONDS:.3f}", container_id)
    return tuple(line for line in answer.out.splitlines() if line.startswith(proxylog.MARK))

"""nginx's workers in the proxy's container, as the process table shows them."""

from __future__ import annotations

from dataclasses import dataclass

from swiftdeploy.engines.docker import cli

TITLE, OLD = "nginx: worker process", "is shutting down"
# what an image needs for that is a shell, which the official ones have
SCAN = "for p in /proc/[0-9]*; do echo \"${p#/proc/} $(tr '\\0' ' ' < $p/cmdline 2>/dev/null)\"; done"


@dataclass(frozen=True)
class Workers:
    """Pids of the workers that take new connections, and of the old ones that only finish what they have."""

    accepting: frozenset[int]
    finishing: frozenset[int]


def seen(container_id: str) -> Workers | None:
    """None where neither the machine's ps nor a shell in the image can show them."""
    answer = cli.ask("top", container_id, "-eo", "pid,args")
    if answer.status:  # the daemon's machine has no ps
        answer = cli.ask("exec", container_id, "sh", "-c", SCAN)
    if answer.status or "nginx" not in answer.out:
        return None
    rows = [line.split(None, 1) for line in answer.out.splitlines() if TITLE in line]
    workers = {int(row[0]): row[1] for row in rows if len(row) == 2 and row[0].isdigit()}
    old = frozenset(pid for pid, title in workers.items() if OLD in title)
    return Workers(frozenset(workers) - old, old)

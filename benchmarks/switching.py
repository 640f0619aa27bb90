"""How long a switch takes to be verified, and whether `verified` is true: no fresh connection may meet old routes then.

`python benchmarks/switching.py [SWITCHES]`; under 200 requests/s and 60 idling connections.
"""

from __future__ import annotations

import sys
import time
from statistics import median

from client import Client
from promotes import running

from swiftdeploy.machine import ask

LOOK_SECONDS = 0.3


def main(switches: int) -> int:
    stale = asked = 0
    with running() as stack, Client(stack.port, slow_path="/?s=1") as client:
        stable, canary = stack.state.stable, stack.new("canary")
        assert stable is not None
        time.sleep(2)
        for number in range(switches):
            stack.switch(10 + number % 2 * 40, stable, canary)
            begun = time.monotonic()
            while time.monotonic() < begun + LOOK_SECONDS:
                answer = ask.get(f"127.0.0.1:{stack.admin_port}", "/generation", 1.0)
                asked, stale = asked + 1, stale + (answer != (200, str(stack.state.generation)))
        verified = stack.verified[1:]
    sys.stdout.write(
        f"{len(verified)} switches under load: verified after {1000 * median(verified):.0f} ms (median), "
        f"{1000 * max(verified):.0f} ms (worst)\n"
        f"stale answers afterwards: {stale} of {asked} (goal 0); "
        f"requests failed or not 2xx: {client.failed.total()} of {client.total} (goal 0)\n"
    )
    return 1 if stale or client.failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 25))

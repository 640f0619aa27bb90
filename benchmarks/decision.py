"""2000 warm decisions of the embedded judge on the shipped policies: p50 and p99 in milliseconds (goal: 5 ms p99)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.model import policy
from swiftdeploy.model.decision import GATES, PolicySet

DECISIONS = 2000
GOAL_MS = 5.0
POLICIES = Path(__file__).parents[1] / "policies"


def main() -> int:
    """Print the figures; exit 1 when p99 misses the goal."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(POLICIES.iterdir())}
    policies = PolicySet(files, policy.digest(files), packaged=True)
    judge = Embedded()
    for number in range(100):
        _milliseconds(judge, number, policies)
    took = sorted(_milliseconds(judge, number, policies) for number in range(DECISIONS))
    judge.close()
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    sys.stdout.write(
        f"decision, embedded, warm, n={DECISIONS}: p50 {p50:.2f} ms, p99 {p99:.2f} ms (goal {GOAL_MS:g})\n"
    )
    return 0 if p99 <= GOAL_MS else 1


def _milliseconds(judge: Embedded, number: int, policies: PolicySet) -> float:
    gate = GATES[number % len(GATES)]
    facts = {**policy.HEALTHY[gate], "error_rate_percent": number % 3}
    began = time.perf_counter()
    decision = judge.decide(gate, facts, policies)
    took = (time.perf_counter() - began) * 1000
    if decision.outcome == "none":
        raise SystemExit(f"no decision: {decision.failure}")
    return took


if __name__ == "__main__":
    raise SystemExit(main())

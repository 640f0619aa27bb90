"""2000 warm decisions on the shipped policies: p50 and p99 in milliseconds of the embedded judge (goal: 5 ms p99) and,
where there is an opa binary on PATH or in SWIFTDEPLOY_OPA, of an OPA server over loopback (goal: 10 ms p99); and the
proof of a policy set, all its questions to a judge that holds it (goal: 20 ms, median of 50)."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.judges.opa import Opa
from swiftdeploy.model import policy, proof
from swiftdeploy.model.decision import GATES, PolicySet

DECISIONS = 2000
GOALS_MS = {"embedded": 5.0, "opa": 10.0}
PROOF_GOAL_MS = 20.0
POLICIES = Path(__file__).parents[1] / "policies"


def main() -> int:
    """Print the figures; exit 1 when a p99 misses its goal."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(POLICIES.iterdir())}
    policies = PolicySet(files, policy.digest(files), packaged=True)
    binary = os.environ.get("SWIFTDEPLOY_OPA") or shutil.which("opa")
    embedded = Embedded()
    with served(binary) if binary else contextlib.nullcontext() as port:
        judges: dict[str, Embedded | Opa] = {"embedded": embedded}
        if port:
            judges["opa"] = Opa(port, "deny", embedded)
        p99s = {name: _p99(name, times) for name, times in measured(judges, policies).items()}
    proof_ms = _proof_ms(embedded, policies)
    print(f"policy proof, embedded: {proof_ms:.1f} ms (goal {PROOF_GOAL_MS:g})")
    embedded.close()
    if "opa" in p99s:
        print(f"decision, opa over embedded: p99 {p99s['opa'] / p99s['embedded']:.1f} times")
    else:
        print("decision, opa: not measured, there is no opa binary on PATH or in SWIFTDEPLOY_OPA")
    missed = proof_ms > PROOF_GOAL_MS or any(p99 > GOALS_MS[name] for name, p99 in p99s.items())
    return 1 if missed else 0


def _proof_ms(judge: Embedded, policies: PolicySet) -> float:
    times = []
    for _ in range(50):
        began = time.perf_counter()
        asked = [(one, judge.decide(one.gate, one.facts, policies)) for one in proof.questions(policies)]
        if flaw := proof.flaw(asked, policies):
            raise SystemExit(flaw)
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[len(times) // 2]


def measured(judges: dict[str, Embedded | Opa], policies: PolicySet) -> dict[str, list[float]]:
    """Sorted milliseconds of each judge's decisions, by turns, so that the machine's load meets all alike."""
    took: dict[str, list[float]] = {name: [] for name in judges}
    for number in range(-100, DECISIONS):
        for name, judge in judges.items():
            milliseconds = _milliseconds(judge, number, policies)
            if number >= 0:
                took[name].append(milliseconds)
    return {name: sorted(times) for name, times in took.items()}


def _milliseconds(judge: Embedded | Opa, number: int, policies: PolicySet) -> float:
    gate = GATES[number % len(GATES)]
    facts = {**policy.HEALTHY[gate], "error_rate_percent": number % 3}
    began = time.perf_counter()
    decision = judge.decide(gate, facts, policies)
    took = (time.perf_counter() - began) * 1000
    if decision.outcome == "none":
        raise SystemExit(f"no decision: {decision.failure}")
    return took


def _p99(name: str, times: list[float]) -> float:
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"decision, {name}, warm, n={len(times)}: p50 {p50:.2f} ms, p99 {p99:.2f} ms (goal {GOALS_MS[name]:g})")
    return p99


@contextlib.contextmanager
def served(binary: str) -> Iterator[int]:
    """The port of an OPA server that lives as long as this."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    address = f"127.0.0.1:{port}"
    argv = (binary, "run", "--server", "--addr", address, "--log-level", "error", "--disable-telemetry")
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + 20
            while not _answers(address):
                if time.monotonic() > until:
                    raise SystemExit(f"{binary} did not answer in 20 s")
                time.sleep(0.02)
            yield port
        finally:
            server.kill()


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/health", timeout=5):
        return True
    return False


if __name__ == "__main__":
    raise SystemExit(main())

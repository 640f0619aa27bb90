"""The embedded judge: Rego evaluated by regopy in a warm child process, which may crash or loop and never harms us."""

from __future__ import annotations

import importlib.util
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from swiftdeploy.model import judging, policy, policydata, proof, reading, rego
from swiftdeploy.model.decision import GATES, Decision, Gate, Json, PolicySet
from swiftdeploy.model.errors import EnvironmentMissing, Finding, NoDecision

NAME = "embedded"
Fault = Literal["down", "garbage", "recover"]
_PROGRAM = Path(__file__).with_name("rego_child.py")
_TEMPERS: dict[Fault, str] = {"down": "down", "garbage": "garbage", "recover": "healthy"}


class Embedded:
    """A `flow.world.Judge` and the runner of policy tests. One child process, started when it is first needed.

    `limit_seconds` bounds one decision; `start_seconds` bounds start and compile, which a busy machine stretches.
    """

    def __init__(self, limit_seconds: float = 2.0, start_seconds: float = 10.0) -> None:
        self._limit_seconds = limit_seconds
        self._start_seconds = start_seconds
        self._temper = "healthy"
        self._child: subprocess.Popen[bytes] | None = None
        self._loaded: set[str] = set()
        self._in_force: str | None = None
        self._before: str | None = None
        self._tests: tuple[Mapping[str, str], tuple[rego.TestName, ...]] | None = None
        self._turn = threading.Lock()

    def warm(self) -> None:
        """Start the child without waiting for it, so that the first decision finds it ready."""
        with self._turn:
            self._alive()

    def decide(self, gate: Gate, facts: Mapping[str, Json], policies: PolicySet) -> Decision:
        """Ask the gate's `decision` rule. Outcome `none` when the files do not compile, the child crashes, 2 s pass,
        or the answer is no decision."""
        safe = policy.sanitise(facts)
        with self._turn:
            try:
                wrong = self._load(policies.digest, policies.files)
                if wrong:
                    said = "policy does not compile: " + "\n".join(map(str, wrong))
                    return policy.nothing(gate, safe, NAME, policies, said, "policy")
                if self._in_force != policies.digest:
                    self._in_force, self._before = policies.digest, self._in_force
                return judging.decided(
                    gate, safe, NAME, policies, lambda rule, of: self._ask(policies.digest, rule, of)
                )
            except NoDecision as error:
                return policy.nothing(gate, safe, NAME, policies, error.what)

    def in_force(self) -> str | None:
        """Digest of the policies that decided last; None before the first decision and after a crash."""
        return self._in_force if self._lives() else None

    def withdraw(self, policies: PolicySet) -> None:
        """These policies are not in force: those before them are again."""
        if self._in_force == policies.digest:
            self._in_force = self._before

    def check(self, policies: PolicySet) -> tuple[Finding, ...]:
        """Everything wrong with the files: they compile, both gates define `decision`, it has the right shape for a
        healthy input, and every threshold that is used is there. Files that crash the evaluator are a finding too."""
        try:
            with self._turn:
                wrong = self._load(policies.digest, policies.files)
        except NoDecision as error:
            return (Finding("policies", 0, 0, "", f"cannot be evaluated: {error.what}"),)
        wrong = wrong or rego.undecided(policies)
        wrong = wrong or tuple(
            dict.fromkeys(it for gate in GATES for it in reading.unusable_thresholds(gate, policies))
        )
        return wrong or tuple(one for gate in GATES for one in self._misshapen(gate, policies))

    def test(self, policies: PolicySet) -> tuple[rego.TestResult, ...]:
        """Run every `test_...` rule of the `*_test.rego` files. A file that does not compile, or crashes the child, is
        `error` for each of its tests, and does not touch the tests of other files."""
        names = rego.tests(policies.files)
        with self._turn:
            files = sorted({one.file for one in names})
            return tuple(result for file in files for result in self._test_file(file, names, policies.files))

    def hurt(self, fault: Fault) -> None:
        """Chaos for scenarios: from now on the child exits at once (`down`), answers garbage, or is healthy again."""
        with self._turn:
            self._temper = _TEMPERS[fault]
            self._end()

    def close(self) -> None:
        """End the child process."""
        with self._turn:
            self._end()

    def _misshapen(self, gate: Gate, policies: PolicySet) -> tuple[Finding, ...]:
        decision = self.decide(gate, proof.healthy(gate, policies), policies)
        if decision.outcome != "none" or decision.evidence == "insufficient":
            return ()
        return (rego.at(policies.files, *rego.decision_line(policies, gate), decision.failure),)

    def _test_file(
        self, file: str, names: Sequence[rego.TestName], files: Mapping[str, str]
    ) -> tuple[rego.TestResult, ...]:
        """Results of one file's tests, compiled beside the policies and no other tests."""
        mine = tuple(one for one in names if one.file == file)
        alone = {**rego.modules(files), file: files[file], "data.json": files.get("data.json", "")}
        return tuple(self._run(one, mine, alone) for one in mine)

    def _compile_tests(self, names: Sequence[rego.TestName], files: Mapping[str, str]) -> str:
        """What keeps the tests from running; empty when nothing does."""
        wrong, _ = _prepared(files, tests=True)
        if wrong:
            return str(wrong[0])
        # As they are written, not as they are judged: with many `with`, what stands in for OPA's order of kinds would
        # make the plan of the shipped tests 30 times as long to compile (2 s, 60 s).
        request = {
            "op": "compile",
            "modules": rego.modules(files, tests=True),
            "data": policydata.text(policydata.documents(files["data.json"])),
            "entries": [one.entry for one in names],
        }
        try:
            reply = self._exchange(request, self._start_seconds)
        except NoDecision as error:
            return (
                f"{error.what} compiling it; `with input as {{...}}` is known to, so write `with input.field as value`"
            )
        self._kept(reply)
        return _first_words(files, reply["refused"]) if "refused" in reply else ""

    def _run(self, test: rego.TestName, together: Sequence[rego.TestName], files: Mapping[str, str]) -> rego.TestResult:
        compiled = (files, tuple(together)) == self._tests and self._lives()
        flaw = "" if compiled else self._compile_tests(together, files)  # once more after a crash
        if flaw:
            return rego.result(test, "error", flaw)
        self._tests = (files, tuple(together))
        try:
            reply = self._exchange({"op": "run", "entry": test.entry}, self._limit_seconds)
        except NoDecision as error:
            return rego.result(test, "error", error.what)
        if "value" not in reply:
            return rego.result(test, "error", _first_words({}, reply.get("refused", reply)))
        if reply["value"] is None:
            return rego.result(test, "failed", "undefined: one of its lines does not hold")
        return rego.result(test, "failed", "false") if reply["value"] == "false" else rego.result(test, "passed")

    def _kept(self, reply: Mapping[str, object]) -> None:
        kept = reply.get("kept")
        if isinstance(kept, list):
            self._loaded = {str(key) for key in kept}

    def _load(self, key: str, files: Mapping[str, str]) -> tuple[Finding, ...]:
        """Make the child hold these files under `key`; what is wrong with them, when it cannot."""
        self._alive()
        if key in self._loaded:
            return ()
        wrong, modules = _prepared(files)
        if wrong:
            return wrong
        probe: Sequence[str] = [f"data.swiftdeploy.{gate}.decision" for gate in GATES]
        reply = self._exchange(
            {
                "op": "load",
                "key": key,
                "modules": modules,
                "data": policydata.text(policydata.documents(files.get("data.json", ""))),
                "probe": probe,
            },
            self._start_seconds,
        )
        if reply.get("loaded") != key:
            text = str(reply.get("refused", reply))
            return rego.refused(files, text) or (Finding("policies", 0, 0, "", text.strip()),)
        self._kept(reply)
        return ()

    def _ask(self, key: str, rule: str, facts: Mapping[str, Json]) -> Json:
        """The value of a rule, None when it is undefined."""
        reply = self._exchange({"op": "ask", "key": key, "rule": rule, "input": facts}, self._limit_seconds)
        if "value" not in reply:
            raise NoDecision(
                f"the embedded judge cannot evaluate {rule}: {_first_words({}, reply.get('refused', reply))}"
            )
        try:
            value: Json = json.loads(str(reply["value"])) if reply["value"] is not None else None
        except ValueError:  # rego-cpp writes some keys without quotes
            raise NoDecision(f"the embedded judge has no JSON for {rule}") from None
        return value

    def _alive(self) -> subprocess.Popen[bytes]:
        """The child, started when there is none that lives."""
        if self._child is not None and self._lives():
            return self._child
        self._end()
        found = importlib.util.find_spec("regopy")
        if found is None or found.origin is None:
            raise EnvironmentMissing("the package regopy is not installed", "pip install regopy")
        self._child = subprocess.Popen(
            (sys.executable, "-I", "-S", str(_PROGRAM), str(Path(found.origin).parents[1]), self._temper),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for us; the child ends with its stdin
        )
        return self._child

    def _lives(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def _end(self) -> None:
        child, self._child = self._child, None
        self._loaded.clear()
        self._tests = None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()

    def _exchange(self, request: Mapping[str, object], limit_seconds: float) -> dict[str, object]:
        """One request, one answer. Raises NoDecision, with the child ended, when none comes that can be read."""
        child = self._alive()
        until = time.monotonic() + limit_seconds
        try:
            _send(child, json.dumps(request).encode() + b"\n", until)
            reply = json.loads(_receive(child, until))
        except TimeoutError:
            self._end()
            raise NoDecision(f"the embedded judge did not answer in {limit_seconds:g} s") from None
        except (BrokenPipeError, EOFError):
            status = child.wait()
            self._end()
            raise NoDecision(f"the embedded judge crashed ({_ending(status)})") from None
        except ValueError:
            self._end()
            raise NoDecision("the embedded judge answered something that is not JSON") from None
        if not isinstance(reply, dict):
            self._end()
            raise NoDecision("the embedded judge answered something that is no object")
        return reply


def _prepared(files: Mapping[str, str], tests: bool = False) -> tuple[tuple[Finding, ...], dict[str, str]]:
    """What is wrong with the files, and the modules for the child. The reader is imported only here: it takes longer
    than all commands that judge nothing."""
    from swiftdeploy.model.regolang import check

    wrong = rego.unusable(files, tests)
    return (wrong, {}) if wrong else check.prepared(files, tests)


def _send(child: subprocess.Popen[bytes], data: bytes, until: float) -> None:
    """Write all of it by `until`: a child that does not read would block us at 64 KiB."""
    assert child.stdin is not None
    pipe = child.stdin.fileno()
    os.set_blocking(pipe, False)
    while data:
        if not select.select((), (pipe,), (), max(0.0, until - time.monotonic()))[1]:
            raise TimeoutError
        data = data[os.write(pipe, data[:65536]) :]


def _receive(child: subprocess.Popen[bytes], until: float) -> bytes:
    """One line by `until`."""
    assert child.stdout is not None
    pipe, line = child.stdout.fileno(), bytearray()
    while not line.endswith(b"\n"):
        if not select.select((pipe,), (), (), max(0.0, until - time.monotonic()))[0]:
            raise TimeoutError
        part = os.read(pipe, 65536)
        if not part:
            raise EOFError
        line += part
    return bytes(line)


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _first_words(files: Mapping[str, str], text: object) -> str:
    """A readable part of rego-cpp's account."""
    if text == "<error>":
        return "its rules give more than one value"
    found = rego.refused(files, str(text))
    return str(found[0]) if found and files else found[0].what if found else str(text).strip()[:200]

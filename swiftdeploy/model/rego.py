"""Policy files read as text: what is wrong in them, at which line, and which tests they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from swiftdeploy.model import conftestrules
from swiftdeploy.model.decision import GATES, Gate, PolicySet
from swiftdeploy.model.errors import Finding
from swiftdeploy.model.policydata import documents

_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)", re.MULTILINE)
_DECISION = re.compile(r"^\s*(?:default\s+)?decision\b", re.MULTILINE)
# `allow {` and `reasons[msg] {`: regopy still reads it, OPA 1.x does not
_OLD_RULE = re.compile(r"^(?:\w+(?:\[[^\]\n]*\]|\([^)\n]*\))?)\s*\{", re.MULTILINE)
_CONFTEST = re.compile(r"^(?:default\s+)?(deny|violation|warn)\b(?!\()", re.MULTILINE)
_TEST = re.compile(r"^(test_\w+)\b(?!\()", re.MULTILINE)
_ERROR = re.compile(r"\(error (?:\d+:)?([^|\n]*)\|(\d+)\|\d+\s+\(errormsg \d+:(.*?)\)\n", re.DOTALL)
_MESSAGE = re.compile(r"\(errormsg \d+:(.*?)\)\n", re.DOTALL)


@dataclass(frozen=True)
class TestName:
    """A `test_...` rule: its package, name, file and line."""

    package: str
    name: str
    file: str
    line: int

    @property
    def entry(self) -> str:
        """The rule's path in a plan: `swiftdeploy/canary_test/test_x`."""
        return f"{self.package}.{self.name}".replace(".", "/")


@dataclass(frozen=True)
class TestResult:
    """How one `test_...` rule ended. `detail` says why when it did not pass."""

    name: str
    file: str
    line: int
    outcome: Literal["passed", "failed", "error"]
    detail: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"


def modules(files: Mapping[str, str], tests: bool = False) -> dict[str, str]:
    """Names and texts of the Rego files, without BOM (regopy trips over one); with the `*_test.rego` when asked."""
    wanted = (name for name in sorted(files) if name.endswith(".rego") and (tests or not name.endswith("_test.rego")))
    return {name: files[name].removeprefix("\ufeff") for name in wanted}


def unusable(files: Mapping[str, str], tests: bool = False) -> tuple[Finding, ...]:
    """What keeps the files from being loaded and what regopy itself overlooks: no package, OPA 0.x syntax, bad data."""
    found: list[Finding] = []
    for name, text in modules(files, tests).items():
        if not _PACKAGE.search(text):
            found.append(at(files, name, 0, "has no `package` line", "it starts with `package swiftdeploy.NAME`"))
        for rule in _OLD_RULE.finditer(text):
            what = "a rule body needs `if` before it in OPA 1.x"
            found.append(at(files, name, rule.start(), what, "write `allow if {` and `reasons contains msg if {`"))
    return (*found, *bad_data(files))


def bad_data(files: Mapping[str, str]) -> tuple[Finding, ...]:
    """What is wrong with data.json itself."""
    try:
        documents(files.get("data.json", ""))
    except json.JSONDecodeError as error:
        return (Finding("data.json", error.lineno, error.colno, "", f"is not JSON: {error.msg}"),)
    except ValueError as error:
        return (Finding("data.json", 0, 0, "", str(error)),)
    return ()


def package(text: str) -> str:
    """The package of a file; empty when it has none."""
    found = _PACKAGE.search(text.removeprefix("\ufeff"))
    return found.group(1) if found else ""


def conftest_rules(files: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Those of `deny`, `violation` and `warn` that a package has, when it follows Conftest: it denies, and has no
    `decision`. None of any other."""
    texts = [text for text in modules(files).values() if package(text) == name]
    found = {rule for text in texts for rule in _CONFTEST.findall(text)}
    denies = any(rule in found for rule in conftestrules.DENYING) and not any(map(_DECISION.search, texts))
    return tuple(rule for rule in conftestrules.RULES if rule in found) if denies else ()


def undecided(policies: PolicySet) -> tuple[Finding, ...]:
    """Gates whose package is not there, or can never decide."""
    found = []
    for gate in GATES:
        name = policies.packages[gate]
        homes = [file for file, text in modules(policies.files).items() if package(text) == name]
        if not homes:
            what = f"no file has `package {name}`, which judges the {gate} gate"
            found.append(Finding(policies.place(f"{gate}.rego"), 0, 0, "", what))
        elif not any(_DECISION.search(policies.files[file]) for file in homes) and not conftest_rules(
            policies.files, name
        ):
            what = f"package {name} defines no rule `decision`, and neither `deny` nor `violation`"
            found.append(at(policies.files, homes[0], 0, what))
    return tuple(found)


def refused(files: Mapping[str, str], text: str) -> tuple[Finding, ...]:
    """regopy's own account of an error, as findings. Its offsets count bytes of the file; errors that it meets only
    while running have none, so the name they speak of is looked up."""
    placed = tuple(
        at(files, name, _characters(files, name, int(offset)), message.strip())
        for name, offset, message in _ERROR.findall(text)
    )
    return placed or tuple(_named(files, message.strip()) for message in _MESSAGE.findall(text)[:1])


def _characters(files: Mapping[str, str], name: str, offset: int) -> int:
    text = files.get(name, "")
    bom = 1 if text.startswith("\ufeff") else 0
    return bom + len(text.removeprefix("\ufeff").encode()[:offset].decode("utf-8", "ignore"))


def _named(files: Mapping[str, str], message: str) -> Finding:
    subject = message.rpartition(": ")[2].rpartition(".")[2]
    for name, text in modules(files, tests=True).items():
        found = re.search(rf"\b{re.escape(subject)}\b", text) if subject else None
        if found:
            return at(files, name, found.start(), message)
    return Finding("policies", 0, 0, "", message)


def at(files: Mapping[str, str], name: str, offset: int, what: str, hint: str = "") -> Finding:
    """A finding at a character of a file, with that line as its source."""
    text = files.get(name, "")
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    lines = text.splitlines()
    source = lines[line - 1] if line <= len(lines) else ""
    return Finding(name, line, column, "", what, source, hint)


def place_of(text: str, word: str) -> tuple[int, int]:
    """Line and column, from 1, where a word first stands in a text; zeros when it does not."""
    offset = text.find(word)
    return (text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)) if offset >= 0 else (0, 0)


def decision_line(policies: PolicySet, gate: Gate) -> tuple[str, int]:
    """File and character where a gate's `decision`, or its first rule of Conftest's, begins; its usual file when it has
    neither."""
    for name, text in modules(policies.files).items():
        rule = _DECISION.search(text) or _CONFTEST.search(text)
        if rule and package(text) == policies.packages[gate]:
            return name, rule.end() - len(rule.group().split()[-1])
    return f"{gate}.rego", 0


def tests(files: Mapping[str, str]) -> tuple[TestName, ...]:
    """Every `test_...` rule of the `*_test.rego` files, in the order of files and lines, each once."""
    found: dict[tuple[str, str], TestName] = {}
    for name, text in modules(files, tests=True).items():
        package = _PACKAGE.search(text)
        if not name.endswith("_test.rego") or not package:
            continue
        for rule in _TEST.finditer(text):
            place = TestName(package.group(1), rule.group(1), name, text.count("\n", 0, rule.start()) + 1)
            found.setdefault((package.group(1), rule.group(1)), place)
    return tuple(found.values())


def result(test: TestName, outcome: Literal["passed", "failed", "error"], detail: str = "") -> TestResult:
    """How a test ended, under its whole name."""
    return TestResult(f"{test.package}.{test.name}", test.file, test.line, outcome, detail)

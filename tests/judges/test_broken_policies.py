"""The embedded judge never allows what OPA denies, leaves undefined or does not compile."""

from __future__ import annotations

import http.client
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from broken_policies import broken

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.model import policy, policydata
from swiftdeploy.model.decision import PolicySet
from swiftdeploy.model.errors import NoDecision
from swiftdeploy.model.regolang import check

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "policies"
ARTICLE = HERE / "article"
STYLES = HERE / "styles"
GIVEN = json.loads((SHIPPED / "data.json").read_text(encoding="utf-8"))["thresholds"]
LIMITS = {"thresholds": {**GIVEN, "max_cpu_load": 2.0}}  # as many read it
AT_ONCE = 25  # broken variants of one set before the next one

SOURCE = {"error_rate_percent": 0.2, "p99_latency_ms": 90.0, "samples": 400}
GOOD: Mapping[str, Mapping[str, Any]] = {
    "canary": {
        **{
            **policy.HEALTHY["canary"],
            "action": "promote",
            "target_mode": "canary",
            "timestamp": "2026-01-01T00:00:00Z",
        },
        **{"users": SOURCE, "proxy": SOURCE, "stable": SOURCE, "thresholds": LIMITS["thresholds"]},
    },
    "infrastructure": {**policy.HEALTHY["infrastructure"], "thresholds": LIMITS["thresholds"], "action": "deploy"},
}
BAD = {"error_rate_percent": 62.5, "p99_latency_ms": 2500.0, "samples": 100000}
WORST: Mapping[str, Mapping[str, Any]] = {
    "canary": {**GOOD["canary"], **BAD, "p99_is_lower_bound": True, "users": BAD, "proxy": BAD},
    "infrastructure": {"disk_free_gb": 1.0, "cpu_load_1m": 99.5, "cpu_count": 1, "mem_free_percent": 0.5},
}


def inputs(gate: str) -> list[dict[str, Any]]:
    """Healthy, worst, empty, at each limit and beyond, and with figures that are none."""
    good, worst = GOOD[gate], WORST[gate]
    found: list[Mapping[str, Any]] = [good, worst, {}]
    found += [{**good, name: worst[name]} for name in policy.FIGURES[gate] if name in worst]
    found += [{**good, name: None} for name in policy.FIGURES[gate][:2]]
    found.append({**good, policy.FIGURES[gate][0]: "NaN"})
    limits = {"error_rate_percent": 1.0, "p99_latency_ms": 500.0, "samples": 100}
    hosts = {"disk_free_gb": 10.0, "cpu_load_1m": 2.0, "mem_free_percent": 10.0}
    found.append({**good, **(limits if gate == "canary" else hosts)})
    found.append({**good, "error_rate_percent": 1.0001, "disk_free_gb": 9.9999})
    return [dict(policy.sanitise(one)) for one in found]


@dataclass
class Server:
    """A real OPA behind one connection."""

    port: int

    def __post_init__(self) -> None:
        self.peer = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: str = "") -> tuple[int, Any]:
        self.peer.request(method, path, body=body.encode())
        answer = self.peer.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    def load(self, files: Mapping[str, str]) -> None:
        """Hold these files and no others."""
        for old in self.ask("GET", "/v1/policies")[1]["result"]:
            self.ask("DELETE", f"/v1/policies/{old['id']}")
        rego = (name for name in files if name.endswith(".rego"))
        for name in sorted(rego, key=lambda one: one not in ("figures.rego", "limits.rego")):
            status, answer = self.ask("PUT", f"/v1/policies/{name}", files[name])
            assert status == 200, answer
        data = policydata.judged(policydata.documents(files["data.json"]))
        self.ask("PUT", "/v1/data/thresholds", json.dumps(data["thresholds"]))

    def put(self, name: str, text: str) -> bool:
        """Replace a file; False when OPA does not compile it."""
        return self.ask("PUT", f"/v1/policies/{name}", text)[0] == 200

    def allows(self, package: str, facts: Mapping[str, Any], rules: set[str]) -> bool:
        """Asks for each rule by itself, as the gates do."""
        document: dict[str, Any] = {}
        for name in rules:
            path = f"{package.replace('.', '/')}/{name}"
            status, answer = self.ask("POST", f"/v1/data/{path}", json.dumps({"input": facts}))
            if status != 200 or "result" not in answer:
                return False
            document[name] = answer["result"]
        return allowed(document)


def allowed(document: Mapping[str, Any]) -> bool:
    """Does the document of a gate's package allow? By `decision`, else by empty `deny` and `violation`."""
    if "decision" in document:
        policies = policy_set({})
        return policy.answer("canary", document["decision"], {}, "x", policies).outcome == "allow"
    sets = [document[name] for name in ("deny", "violation") if name in document]
    return bool(sets) and not any(sets)


def policy_set(files: Mapping[str, str]) -> PolicySet:
    return PolicySet(files, policy.digest(files), packaged=False)


def embedded_document(judge: Embedded, key: str, package: str, facts: Mapping[str, Any], rules: set[str]) -> Any:
    """The rules of a package that a gate looks at; nothing when the judge has no decision."""
    try:
        answers = {name: judge._ask(key, f"data.{package}.{name}", facts) for name in sorted(rules)}
    except NoDecision:
        return {}
    if any(answers[name] is None for name in rules):
        return {}
    return answers


@dataclass(frozen=True)
class Set:
    """A policy set of the corpus, the file of it that gets broken, and whose gate it is."""

    name: str
    files: Mapping[str, str]
    file: str

    @property
    def gate(self) -> str:
        return "canary" if "swiftdeploy.canary" in self.files[self.file] else "infrastructure"

    @property
    def rules(self) -> set[str]:
        text = self.files[self.file]
        return {"decision"} if "decision :=" in text else {one for one in ("deny", "violation") if f"\n{one} " in text}


def corpus() -> list[Set]:
    """Shipped, the article's, and policies in the styles of others."""
    found: list[Set] = []
    for folder in (SHIPPED, ARTICLE):
        files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}
        files = {name: text for name, text in files.items() if not name.endswith("_test.rego")}
        found += [Set(folder.name, files, name) for name in ("canary.rego", "infrastructure.rego")]
    library = (STYLES / "figures.rego").read_text(encoding="utf-8")
    for path in sorted(STYLES.iterdir()):
        if path.name != "figures.rego":
            files = {path.name: path.read_text(encoding="utf-8"), "data.json": json.dumps(LIMITS)}
            files |= {"figures.rego": library} if "figures" in files[path.name] else {}
            found.append(Set(path.stem, files, path.name))
    return found


def variants(number: int, seed: int) -> Iterator[tuple[Set, list[str]]]:
    """`number` broken texts in all, those of one set together."""
    chance = random.Random(seed)
    sets = corpus()
    while number > 0:
        for one in chance.sample(sets, len(sets)):
            batch = min(AT_ONCE, number)
            yield one, [broken(one.files[one.file], chance) for _ in range(batch)]
            number -= batch
            if number <= 0:
                return


def judged(one: Set, text: str, judge: Embedded, opa: Server, counts: Counter[str]) -> list[dict[str, Any]]:
    """The inputs that the embedded judge allows and OPA does not."""
    files = {**one.files, one.file: text}
    key = policy.digest(files)
    try:
        wrong = judge._load(key, files)
    except NoDecision:
        counts["no decision"] += 1
        return []
    if wrong:
        counts["refused"] += 1
        return []
    package = f"swiftdeploy.{one.gate}"
    yes = [facts for facts in inputs(one.gate) if allowed(embedded_document(judge, key, package, facts, one.rules))]
    counts["allows" if yes else "never allows"] += 1
    if yes and not opa.put(one.file, text):
        return yes
    return [facts for facts in yes if not opa.allows(package, facts, one.rules)]


def test_no_broken_policy_is_allowed_by_the_embedded_judge_alone(
    request: pytest.FixtureRequest, one_opa: Any, embedded: Embedded
) -> None:
    number = request.config.getoption("--broken")
    seed = request.config.getoption("--broken-seed") or random.randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    opa, counts, violations = Server(one_opa.port), Counter[str](), []
    for one, texts in variants(number, seed):
        opa.load(one.files)
        for text in texts:
            for facts in judged(one, text, embedded, opa, counts)[:1]:
                violations.append(f"--- {one.name}\n{text}\n--- {json.dumps(facts)}")
    sys.stdout.write(
        f"{number} broken policies: {dict(counts)}; {len(violations)} allowed by the embedded judge alone\n"
    )
    assert not violations, f"seed {seed}: {len(violations)} violations, the first ones:\n" + "\n".join(violations[:3])


@pytest.mark.parametrize("one", corpus(), ids=lambda one: f"{one.name}-{one.gate}")
def test_no_whole_policy_is_refused_and_both_judges_allow_the_same(one_opa: Any, embedded: Embedded, one: Set) -> None:
    assert check.refused(one.files) == ()
    opa = Server(one_opa.port)
    opa.load(one.files)
    key = policy.digest(one.files)
    assert embedded._load(key, one.files) == ()
    package = f"swiftdeploy.{one.gate}"
    mine = [allowed(embedded_document(embedded, key, package, it, one.rules)) for it in inputs(one.gate)]
    theirs = [opa.allows(package, facts, one.rules) for facts in inputs(one.gate)]
    assert mine == theirs
    assert mine[:3] == [True, False, False]

"""OPA that was started on a folder of policies, as the Compose file does, holds them under other ids and loads data of
its own; what decides is what the judge loads, and nothing else."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.judges.opa import Opa
from swiftdeploy.model import policy
from swiftdeploy.model.decision import GATES, PolicySet

Start = Callable[..., Any]
Edit = Callable[[dict[str, str | None]], PolicySet]
POLICIES = Path(__file__).parents[2] / "policies"
GOOD = policy.HEALTHY["canary"]
BAD = {**GOOD, "error_rate_percent": 56.45}
DENIED = ("error_rate is 56.45%, maximum allowed is 1.00%",)
SECONDS = 20.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


@pytest.fixture
def on_folder(start_opa: Start, embedded: Embedded, folder: Path) -> Callable[[], tuple[Any, Opa]]:
    def start() -> tuple[Any, Opa]:
        server = start_opa("--ignore", "*_test.rego", str(folder))
        return server, Opa(server.port, "deny", embedded, SECONDS)

    return start


def got(server: Any, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/v1/{path}", timeout=SECONDS) as answer:
        return json.load(answer)["result"]


def ids(server: Any) -> list[str]:
    return sorted(str(one["id"]) for one in got(server, "policies"))


NAMES = ["canary.rego", "infrastructure.rego", "limits.rego"]


def test_the_same_policies_are_loaded_once_more_and_proven(
    on_folder: Callable[[], tuple[Any, Opa]], folder: Path, packaged: PolicySet
) -> None:
    server, judge = on_folder()
    assert ids(server) == [f"{folder}/{name}".lstrip("/") for name in NAMES]
    assert judge.in_force() is None
    for gate in GATES:
        assert judge.decide(gate, policy.HEALTHY[gate], packaged).allow
    denied = judge.decide("canary", BAD, packaged)
    assert (denied.judge, denied.reasons, denied.policy_digest) == ("opa", DENIED, packaged.digest)
    assert judge.in_force() == packaged.digest
    assert ids(server) == NAMES


def test_a_restart_on_the_folder_is_noticed_and_loaded_again(
    on_folder: Callable[[], tuple[Any, Opa]], packaged: PolicySet
) -> None:
    server, judge = on_folder()
    assert judge.decide("canary", GOOD, packaged).allow
    server.stop()
    assert judge.decide("canary", GOOD, packaged).outcome == "none"
    server.start()
    assert judge.in_force() is None
    assert judge.decide("canary", GOOD, packaged).allow
    assert judge.in_force() == packaged.digest


def test_files_changed_and_removed_since_it_started_are_changed_and_removed_in_it(
    on_folder: Callable[[], tuple[Any, Opa]], packaged: PolicySet, edited: Edit
) -> None:
    server, judge = on_folder()
    stricter = packaged.files["data.json"].replace('"max_error_rate_percent": 1.0', '"max_error_rate_percent": 0.5')
    changed = edited({"data.json": stricter, "infrastructure.rego": None, "mine.rego": "package mine\nx := 1\n"})
    decision = judge.decide("canary", {**GOOD, "error_rate_percent": 0.75}, changed)
    assert decision.reasons == ("error_rate is 0.75%, maximum allowed is 0.50%",)
    assert ids(server) == ["canary.rego", "limits.rego", "mine.rego"]
    assert judge.in_force() == changed.digest
    assert "undefined" in judge.decide("infrastructure", policy.HEALTHY["infrastructure"], changed).failure
    assert judge.decide("infrastructure", policy.HEALTHY["infrastructure"], packaged).allow


def test_a_stale_policy_of_the_folder_decides_nothing(
    on_folder: Callable[[], tuple[Any, Opa]], folder: Path, packaged: PolicySet
) -> None:
    old = 'package swiftdeploy.canary\ndecision := {"allow": true, "reasons": [], "domain": "c", "checked": {}}\n'
    (folder / "canary.rego").write_text(old)
    (folder / "older.rego").write_text('package swiftdeploy.infrastructure\nreasons contains "old" if true\n')
    server, judge = on_folder()
    assert judge.decide("canary", BAD, packaged).reasons == DENIED
    assert judge.decide("infrastructure", policy.HEALTHY["infrastructure"], packaged).reasons == ()
    assert ids(server) == NAMES


def test_rules_of_the_folder_that_contradict_those_on_disk_are_gone(
    on_folder: Callable[[], tuple[Any, Opa]], folder: Path, packaged: PolicySet
) -> None:
    (folder / "zz.rego").write_text("package swiftdeploy.limits_too\nx := data.swiftdeploy.limits.facts\n")
    (folder / "more.rego").write_text('package swiftdeploy.more\ny := 1 if {\n\tinput.never == "x"\n}\ny := 2\n')
    server, judge = on_folder()
    assert judge.decide("canary", BAD, packaged).reasons == DENIED
    assert ids(server) == NAMES


def test_other_data_files_of_the_folder_do_not_reach_a_decision(
    on_folder: Callable[[], tuple[Any, Opa]], folder: Path, packaged: PolicySet
) -> None:
    (folder / "data.json").write_text('{"thresholds": {"max_error_rate_percent": 99.0}, "old": {"a": 1}}')
    (folder / "extra.yaml").write_text("more: [1, 2]\n")
    (folder / "teams").mkdir()
    (folder / "teams" / "data.json").write_text('{"a": 1}')
    server, judge = on_folder()
    assert sorted(got(server, "data")) == ["more", "old", "swiftdeploy", "teams", "thresholds"]
    assert judge.decide("canary", BAD, packaged).reasons == DENIED
    assert sorted(got(server, "data")) == ["swiftdeploy", "swiftdeploy_digest", "thresholds"]
    assert got(server, "data/thresholds") == json.loads(packaged.files["data.json"])["thresholds"]


def test_more_data_in_the_folder_than_is_read_keeps_no_policies_out(
    on_folder: Callable[[], tuple[Any, Opa]], folder: Path, packaged: PolicySet
) -> None:
    (folder / "big.json").write_text(json.dumps({"big": ["x" * 100] * 50_000}))
    _, judge = on_folder()
    assert judge.decide("canary", BAD, packaged).reasons == DENIED
    assert judge.in_force() == packaged.digest


def test_data_of_the_folder_in_the_place_of_a_rule_is_replaced(
    on_folder: Callable[[], tuple[Any, Opa]], folder: Path, packaged: PolicySet
) -> None:
    (folder / "canary.rego").unlink()
    (folder / "data.json").write_text('{"swiftdeploy": {"canary": {"decision": {"allow": true}, "allow": true}}}')
    server, judge = on_folder()
    assert judge.decide("canary", BAD, packaged).reasons == DENIED
    assert ids(server) == NAMES


def test_policies_that_do_not_compile_leave_those_of_the_folder(
    on_folder: Callable[[], tuple[Any, Opa]], folder: Path, packaged: PolicySet, edited: Edit
) -> None:
    server, judge = on_folder()
    before = ids(server)
    decision = judge.decide("canary", GOOD, edited({"canary.rego": "package swiftdeploy.canary\n\nx := nofn(3)\n"}))
    assert (decision.outcome, decision.judge) == ("none", "opa")
    assert "canary.rego:3:6: undefined function nofn" in decision.failure
    assert ids(server) == before
    assert judge.in_force() != packaged.digest
    assert judge.decide("canary", BAD, packaged).reasons == DENIED


def test_a_reader_loads_nothing_into_it(
    on_folder: Callable[[], tuple[Any, Opa]], embedded: Embedded, packaged: PolicySet
) -> None:
    server, _ = on_folder()
    before = ids(server)
    decision = Opa(server.port, "deny", embedded, SECONDS, reads_only=True).decide("canary", GOOD, packaged)
    assert "not in force" in decision.failure
    assert ids(server) == before

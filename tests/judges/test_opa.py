"""The judge table, line by line: a real OPA, nobody, and strangers on its port."""

from __future__ import annotations

import json
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.judges.embedded import Embedded
from swiftdeploy.judges.opa import Opa
from swiftdeploy.model import policy
from swiftdeploy.model.decision import PolicySet
from swiftdeploy.model.errors import NotPossible

Start = Callable[..., Any]
Edit = Callable[[dict[str, str | None]], PolicySet]
Stranger = Callable[..., int]
GOOD = policy.HEALTHY["canary"]
OWN = 'package swiftdeploy.canary\ndecision := {"allow": false, "reasons": ["mine"], "domain": "c", "checked": {}}\n'
SECONDS = 20.0  # patience with a real OPA on a busy machine


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def http(status: str, body: bytes, kind: str = "application/json", more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    )
    return head.encode() + body


def put_data(port: int, name: str, document: Mapping[str, Any]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/data/{name}", json.dumps(document).encode(), method="PUT"
    )
    urllib.request.urlopen(request, timeout=SECONDS).close()


# --- OPA answers -----------------------------------------------------------------------------------------------------


def test_opa_decides_on_the_policies_on_disk(opa_server: Any, embedded: Embedded, packaged: PolicySet) -> None:
    judge = Opa(opa_server.port, "embedded", embedded, SECONDS)
    assert judge.in_force() is None
    decision = judge.decide("canary", GOOD, packaged)
    assert (decision.outcome, decision.judge, decision.warning) == ("allow", "opa", "")
    assert judge.in_force() == packaged.digest
    denied = judge.decide("canary", {**GOOD, "error_rate_percent": 56.45}, packaged)
    assert (denied.outcome, denied.reasons) == ("deny", ("error_rate is 56.45%, maximum allowed is 1.00%",))


def test_edited_policies_are_loaded_before_they_decide(
    opa_server: Any, embedded: Embedded, packaged: PolicySet, edited: Edit
) -> None:
    judge = Opa(opa_server.port, "embedded", embedded, SECONDS)
    judge.decide("canary", GOOD, packaged)
    changed = edited({"canary.rego": None, "limits.rego": None, "infrastructure.rego": None, "own.rego": OWN})
    assert judge.decide("canary", GOOD, changed).reasons == ("mine",)
    assert judge.in_force() == changed.digest
    assert judge.decide("canary", GOOD, packaged).allow  # and back, with files that need one another


def test_a_reader_loads_nothing_and_says_that_edited_policies_are_not_in_force(
    opa_server: Any, embedded: Embedded, packaged: PolicySet, edited: Edit
) -> None:
    Opa(opa_server.port, "deny", embedded).decide("canary", GOOD, packaged)
    reader = Opa(opa_server.port, "deny", embedded, reads_only=True)
    assert reader.decide("canary", GOOD, packaged).allow
    changed = edited({"data.json": json.dumps({"thresholds": {"min_disk_free_gb": 99999}})})
    decision = reader.decide("canary", GOOD, changed)
    assert (decision.outcome, "edited, not in force" in decision.failure) == ("none", True)
    assert reader.in_force() == packaged.digest


def test_thresholds_that_are_gone_from_data_json_are_gone_from_opa(
    opa_server: Any, embedded: Embedded, packaged: PolicySet, edited: Edit
) -> None:
    judge = Opa(opa_server.port, "embedded", embedded, SECONDS)
    assert judge.decide("canary", GOOD, packaged).allow
    for text in ("{}", '{"thresholds": 5, "teams": ["a"]}'):
        without = edited({"data.json": text})
        decision = judge.decide("canary", GOOD, without)
        assert decision.judge == "opa"
        assert decision.reasons == embedded.decide("canary", GOOD, without).reasons
        assert len(decision.reasons) == 3


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("package swiftdeploy.canary\n\ndecision := nofn(3)\n", "canary.rego:3:13: undefined function nofn"),
        ("package swiftdeploy.canary\n\ndecision := {\n", "canary.rego:"),
        ("package swiftdeploy.canary\nallow { input.x }\n", "canary.rego:2:1: a rule body needs `if`"),
    ],
)
def test_policies_that_do_not_compile_are_no_decision_and_opa_keeps_the_old_ones(
    opa_server: Any, embedded: Embedded, packaged: PolicySet, edited: Edit, text: str, place: str
) -> None:
    judge = Opa(opa_server.port, "embedded", embedded, SECONDS)
    judge.decide("canary", GOOD, packaged)
    decision = judge.decide("canary", GOOD, edited({"canary.rego": text}))
    assert decision.outcome == "none"
    assert place in decision.failure
    assert judge.in_force() == packaged.digest
    assert judge.decide("canary", GOOD, packaged).allow


def test_undefined_is_no_decision(opa_server: Any, embedded: Embedded, edited: Edit) -> None:
    text = "package swiftdeploy.canary\nimport rego.v1\ndecision := 1 if input.never\n"
    decision = Opa(opa_server.port, "embedded", embedded, SECONDS).decide("canary", GOOD, edited({"canary.rego": text}))
    assert (decision.outcome, decision.judge) == ("none", "opa")
    assert "undefined" in decision.failure


def test_another_digest_is_loaded_over_and_proven_again(
    opa_server: Any, embedded: Embedded, packaged: PolicySet
) -> None:
    judge = Opa(opa_server.port, "embedded", embedded, SECONDS)
    judge.decide("canary", GOOD, packaged)
    put_data(opa_server.port, "swiftdeploy_digest", {"digest": "sha256:other"})
    assert judge.in_force() == "sha256:other"
    assert judge.decide("canary", GOOD, packaged).allow
    assert judge.in_force() == packaged.digest


def test_a_real_opa_that_answers_garbage_is_no_decision_until_it_recovers(
    opa_server: Any, embedded: Embedded, packaged: PolicySet
) -> None:
    judge = Opa(opa_server.port, "embedded", embedded, SECONDS)
    judge.decide("canary", GOOD, packaged)
    judge.hurt("garbage")
    for _ in range(2):
        decision = judge.decide("canary", GOOD, packaged)
        assert (decision.outcome, decision.judge) == ("none", "opa")
    judge.hurt("recover")
    assert judge.decide("canary", GOOD, packaged).judge == "opa"
    assert judge.decide("canary", GOOD, packaged).allow


def test_garbage_before_the_first_decision_is_no_decision(
    opa_server: Any, embedded: Embedded, packaged: PolicySet
) -> None:
    judge = Opa(opa_server.port, "embedded", embedded, SECONDS)
    judge.hurt("garbage")
    assert judge.decide("canary", GOOD, packaged).outcome == "none"
    judge.hurt("recover")
    assert judge.decide("canary", GOOD, packaged).allow


def test_down_stops_the_server_and_recover_starts_it(opa_server: Any, embedded: Embedded, packaged: PolicySet) -> None:
    judge = Opa(opa_server.port, "embedded", embedded, SECONDS, start=opa_server.start, stop=opa_server.stop)
    assert judge.decide("canary", GOOD, packaged).judge == "opa"
    judge.hurt("down")
    decision = judge.decide("canary", GOOD, packaged)
    assert (decision.outcome, decision.judge) == ("allow", "embedded")
    assert "refuses the connection" in decision.warning
    judge.hurt("recover")
    assert judge.decide("canary", GOOD, packaged).judge == "opa"  # an empty OPA, loaded again


def test_a_server_of_somebody_else_is_not_stopped(embedded: Embedded) -> None:
    with pytest.raises(NotPossible):
        Opa(closed_port(), "embedded", embedded).hurt("down")


PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.mark.parametrize("proxy", ["nobody", "a stranger", "one that allows"])
def test_no_request_goes_through_a_proxy_of_the_environment(
    opa_server: Any,
    embedded: Embedded,
    packaged: PolicySet,
    stranger: Stranger,
    monkeypatch: pytest.MonkeyPatch,
    proxy: str,
) -> None:
    says = {"a stranger": STRANGE["html"], "one that allows": http("200 OK", proven(packaged, WHOLE))}
    port = stranger(says[proxy]) if proxy in says else closed_port()
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    judge = Opa(opa_server.port, "deny", embedded, SECONDS)
    assert judge.decide("canary", GOOD, packaged).allow
    assert judge.decide("canary", {**GOOD, "error_rate_percent": 2.0}, packaged).outcome == "deny"
    opa_server.stop()
    assert "refuses the connection" in judge.decide("canary", GOOD, packaged).failure


def test_rules_that_contradict_each_other_are_no_decision(
    opa_server: Any, embedded: Embedded, packaged: PolicySet, edited: Edit
) -> None:
    text = "package swiftdeploy.canary\ndecision := 1 if input.samples > 1\ndecision := 2 if input.samples > 2\n"
    judge = Opa(opa_server.port, "embedded", embedded, SECONDS)
    decision = judge.decide("canary", GOOD, edited({"canary.rego": text}))
    assert (decision.outcome, decision.judge) == ("none", "opa")
    assert "answered 500" in decision.failure
    assert judge.decide("canary", GOOD, packaged).allow


def test_data_in_the_place_of_a_rule_is_no_decision_and_opa_keeps_the_old_policies(
    opa_server: Any, embedded: Embedded, packaged: PolicySet, edited: Edit
) -> None:
    judge = Opa(opa_server.port, "embedded", embedded, SECONDS)
    judge.decide("canary", GOOD, packaged)
    clash = json.dumps({"swiftdeploy": {"canary": {"allow": True}}})
    decision = judge.decide("canary", GOOD, edited({"data.json": clash, "limits.rego": None, "canary.rego": OWN}))
    assert (decision.outcome, decision.judge) == ("none", "opa")
    assert "does not compile" in decision.failure
    assert judge.in_force() == packaged.digest
    assert judge.decide("canary", GOOD, packaged).allow


@pytest.mark.parametrize("text", ['{"thresholds": nope}', "[1]", '{"thresholds": {"min_samples": 1e999}}'])
def test_data_that_cannot_be_read_is_no_decision_and_opa_keeps_the_old(
    opa_server: Any, embedded: Embedded, packaged: PolicySet, edited: Edit, text: str
) -> None:
    judge = Opa(opa_server.port, "allow", embedded, SECONDS)
    judge.decide("canary", GOOD, packaged)
    decision = judge.decide("canary", GOOD, edited({"data.json": text}))
    assert (decision.outcome, decision.judge) == ("none", "opa")
    assert "data.json" in decision.failure
    assert judge.in_force() == packaged.digest


def test_another_opa_with_rules_of_the_same_names_decides_nothing_of_its_own(
    start_opa: Start, embedded: Embedded, packaged: PolicySet, tmp_path: Path
) -> None:
    (tmp_path / "theirs.rego").write_text(OWN.replace("false", "true"))
    (tmp_path / "data.json").write_text('{"thresholds": {"max_error_rate_percent": 100.0, "min_samples": 0}}')
    server = start_opa(str(tmp_path))
    facts = {**GOOD, "error_rate_percent": 56.45}
    reader = Opa(server.port, "allow", embedded, SECONDS, reads_only=True).decide("canary", facts, packaged)
    assert (reader.outcome, reader.unenforced) == ("none", False)
    decision = Opa(server.port, "allow", embedded, SECONDS).decide("canary", facts, packaged)
    assert decision.reasons == ("error_rate is 56.45%, maximum allowed is 1.00%",)


@pytest.mark.parametrize("on_unavailable", ["embedded", "allow", "deny"])
@pytest.mark.parametrize("how", ["authorization", "bundle"])
def test_another_opa_that_takes_no_policies_is_no_decision(
    start_opa: Start, embedded: Embedded, packaged: PolicySet, tmp_path: Path, how: str, on_unavailable: Any
) -> None:
    asks_only = 'package system.authz\ndefault allow := false\nallow if input.path[0] in {"health", "v1"}\n'
    asks_only = asks_only.replace('{"health", "v1"}', '{"health"}') + 'allow if input.path == ["v1", "query"]\n'
    (tmp_path / "theirs.rego").write_text(OWN.replace("false", "true"))
    (tmp_path / "authz.rego").write_text(asks_only)
    server = start_opa(*(("--authorization", "basic") if how == "authorization" else ("--bundle",)), str(tmp_path))
    decision = Opa(server.port, on_unavailable, embedded, SECONDS).decide("canary", GOOD, packaged)
    assert (decision.outcome, decision.judge, decision.unenforced) == ("none", "opa", False)
    assert decision.failure.startswith("OPA at 127.0.0.1")


# --- nobody answers --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["refused", "silent", "dripping", "stopped"])
def nobody(request: pytest.FixtureRequest, stranger: Stranger, packaged: PolicySet) -> int:
    """A port on which no answer is had in time: closed, of someone who says nothing or a byte now and then, or of a
    real OPA that was stopped (SIGSTOP)."""
    if request.param == "stopped":
        server = request.getfixturevalue("opa_server")
        server.signal(signal.SIGSTOP)
        return int(server.port)
    if request.param == "dripping":
        return stranger(http("200 OK", proven(packaged, WHOLE)), dripping=True)
    return closed_port() if request.param == "refused" else stranger(None)


def test_nobody_holds_a_decision_for_longer_than_the_limit(
    nobody: int, embedded: Embedded, packaged: PolicySet
) -> None:
    began = time.monotonic()
    decision = Opa(nobody, "deny", embedded, 0.5).decide("canary", GOOD, packaged)
    assert decision.outcome == "none"
    assert time.monotonic() - began < 2.5  # twice 0.5 s and a busy machine; the dripping answer takes 10 s


def test_an_opa_that_hung_decides_again(opa_server: Any, embedded: Embedded, packaged: PolicySet) -> None:
    judge = Opa(opa_server.port, "deny", embedded, 3.0)
    assert judge.decide("canary", GOOD, packaged).allow
    opa_server.signal(signal.SIGSTOP)
    assert "did not answer in 3 s" in judge.decide("canary", GOOD, packaged).failure
    opa_server.signal(signal.SIGCONT)
    assert judge.decide("canary", GOOD, packaged).allow


def test_unavailable_and_the_embedded_judge_is_broken_too_is_no_decision(packaged: PolicySet) -> None:
    broken = Embedded()
    broken.hurt("down")
    judge = Opa(closed_port(), "embedded", broken)
    decision = judge.decide("canary", GOOD, packaged)
    assert (decision.outcome, decision.judge, decision.unenforced) == ("none", "embedded", False)
    assert "crashed" in decision.failure
    assert "refuses the connection" in decision.warning
    judge.close()


def test_unavailable_and_embedded_warns_and_decides_on_the_same_files(
    nobody: int, embedded: Embedded, packaged: PolicySet
) -> None:
    judge = Opa(nobody, "embedded", embedded, 0.5)
    decision = judge.decide("canary", {**GOOD, "error_rate_percent": 2.0}, packaged)
    assert (decision.outcome, decision.judge) == ("deny", "embedded")
    assert "the embedded judge decided" in decision.warning
    assert judge.in_force() is None


def test_unavailable_and_allow_goes_on_unenforced_with_a_warning(
    nobody: int, embedded: Embedded, packaged: PolicySet
) -> None:
    decision = Opa(nobody, "allow", embedded, 0.5).decide("canary", {**GOOD, "error_rate_percent": 99.0}, packaged)
    assert (decision.outcome, decision.unenforced, decision.judge) == ("allow", True, "none")
    assert "WITHOUT a policy decision" in decision.warning


@pytest.mark.parametrize("samples", [99, None, "300", -1])
def test_unavailable_and_allow_with_too_little_evidence_is_no_decision(
    embedded: Embedded, packaged: PolicySet, samples: Any
) -> None:
    decision = Opa(closed_port(), "allow", embedded).decide("canary", {**GOOD, "samples": samples}, packaged)
    assert (decision.outcome, decision.unenforced) == ("none", False)
    assert "too little evidence" in decision.failure


def test_unavailable_and_deny_is_no_decision(nobody: int, embedded: Embedded, packaged: PolicySet) -> None:
    decision = Opa(nobody, "deny", embedded, 0.5).decide("canary", GOOD, packaged)
    assert (decision.outcome, decision.judge) == ("none", "opa")
    assert "on_unavailable: deny" in decision.failure


# --- somebody else answers -------------------------------------------------------------------------------------------


def proven(packaged: PolicySet, document: object) -> bytes:
    return json.dumps({"result": [{"document": [document], "digest": [packaged.digest]}]}).encode()


WHOLE = {"allow": True, "reasons": [], "domain": "canary", "checked": {}}
STRANGE = {
    "html": http("200 OK", b"<html>It works!</html>", "text/html"),
    "not JSON": http("200 OK", b"{nope"),
    "nothing": http("200 OK", b""),
    "a list": http("200 OK", b"[1, 2]"),
    "another object": http("200 OK", b'{"status": "ok"}'),
    "undefined": http("200 OK", b"{}"),
    "bare true": http("200 OK", b'{"result": true}'),
    "rows of text": http("200 OK", b'{"result": ["allow"]}'),
    "a decision without a digest": http(
        "200 OK", json.dumps({"result": [{"document": [WHOLE], "digest": []}]}).encode()
    ),
    "another digest": http("200 OK", json.dumps({"result": [{"document": [WHOLE], "digest": ["sha256:0"]}]}).encode()),
    "400": http("400 Bad Request", b'{"code": "invalid_parameter", "message": "no"}'),
    "401": http("401 Unauthorized", b"{}"),
    "404": http("404 Not Found", b'{"error": "not found"}'),
    "500": http("500 Internal Server Error", b'{"code": "internal_error"}'),
    "503": http("503 Service Unavailable", b"<html>", "text/html"),
    "a redirect elsewhere": http("302 Found", b"", more="Location: http://127.0.0.1:1/\r\n"),
    "a redirect to itself": http("302 Found", b"", more="Location: /v1/query\r\n"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "TLS": b"\x15\x03\x03\x00\x02\x02\x46",
    "TLS of Go": b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
    "deep": http("200 OK", b"[" * 100_000),
    "a number": http("200 OK", b"9" * 5000),
    "no UTF-8": http("200 OK", b'{"result": [{"document": ["\xff"], "digest": []}]}'),
    "not gzip": http("200 OK", b"{}", more="Content-Encoding: gzip\r\n"),
    "only informational": b"HTTP/1.1 100 Continue\r\n\r\n",
    "a hang-up": b"",
    "half an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{",
}


@pytest.mark.parametrize("on_unavailable", ["embedded", "allow"])
@pytest.mark.parametrize("reply", STRANGE.values(), ids=STRANGE.keys())
def test_a_stranger_on_the_port_is_no_decision_and_never_a_fallback(
    stranger: Stranger, embedded: Embedded, packaged: PolicySet, reply: bytes, on_unavailable: Any
) -> None:
    judge = Opa(stranger(reply), on_unavailable, embedded)
    decision = judge.decide("canary", GOOD, packaged)
    assert (decision.outcome, decision.judge, decision.unenforced) == ("none", "opa", False)
    assert decision.failure


@pytest.mark.parametrize(
    "document",
    [
        True,
        "allow",
        {},
        {**WHOLE, "allow": "true"},
        {**WHOLE, "allow": 1},
        {**WHOLE, "reasons": "none"},
        {**WHOLE, "reasons": [1]},
        {**WHOLE, "domain": None},
        {**WHOLE, "checked": []},
        {**WHOLE, "evidence": "plenty"},
    ],
)
def test_a_document_that_is_no_decision_is_none_even_with_the_right_digest(
    stranger: Stranger, embedded: Embedded, packaged: PolicySet, document: object
) -> None:
    judge = Opa(stranger(http("200 OK", proven(packaged, document))), "embedded", embedded)
    assert judge.decide("canary", GOOD, packaged).outcome == "none"


def test_a_well_formed_proven_answer_is_what_counts(
    stranger: Stranger, embedded: Embedded, packaged: PolicySet
) -> None:
    judge = Opa(stranger(http("200 OK", proven(packaged, WHOLE))), "embedded", embedded)
    assert judge.decide("canary", GOOD, packaged).allow


def test_an_endless_answer_is_cut_off(stranger: Stranger, embedded: Embedded, packaged: PolicySet) -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 6_000_000
    decision = Opa(stranger(endless), "embedded", embedded, 15.0).decide("canary", GOOD, packaged)
    assert (decision.outcome, decision.judge) == ("none", "opa")

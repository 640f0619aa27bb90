"""Faults on demand: who may, what is refused, what they do, how they end."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def test_stable_refuses_chaos_and_suffers_none(stable):
    reply = stable.chaos(mode="error", rate=1)
    assert (reply.status, "canary" in reply.json["error"]) == (403, True)
    assert stable.ask("GET", "/").status == 200


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe\xfa", "not JSON"),
        (b"[" * 60000, "not JSON"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"{}", "mode must be slow, error or recover"),
        (b'{"mode": "explode"}', "mode must be"),
        (b'{"mode": ["slow"]}', "mode must be"),
        (b'{"mode": "slow", "duration": 30.001}', "duration must be a number from 0 to 30"),
        (b'{"mode": "slow", "duration": -0.1}', "duration must be a number from 0 to 30"),
        (b'{"mode": "slow", "duration": "2"}', "duration must be a number"),
        (b'{"mode": "slow", "duration": true}', "duration must be a number"),
        (b'{"mode": "slow", "duration": null}', "duration must be a number"),
        (b'{"mode": "slow", "duration": NaN}', "duration must be a number"),
        (b'{"mode": "slow", "duration": Infinity}', "duration must be a number"),
        (b'{"mode": "slow", "duration": 1e999}', "duration must be a number"),
        (b'{"mode": "slow", "duration": 1' + b"0" * 400 + b"}", "duration must be a number"),
        (b'{"mode": "slow", "rate": 0.5}', "slow takes no 'rate'"),
        (b'{"mode": "error", "rate": 1.01}', "rate must be a number from 0 to 1"),
        (b'{"mode": "error", "rate": NaN}', "rate must be a number from 0 to 1"),
        (b'{"mode": "error", "rate": false}', "rate must be a number from 0 to 1"),
        (b'{"mode": "error", "ttl": -1}', "ttl must be a number from 0"),
        (b'{"mode": "recover", "ttl": 1}', "recover takes no 'ttl'"),
    ],
)
def test_a_wrong_wish_is_a_400_with_its_reason_and_changes_nothing(shared_canary, body, reason):
    reply = shared_canary.ask("POST", "/chaos", body)
    assert reply.status == 400
    assert reason in reply.json["error"]
    assert shared_canary.sample("chaos_active") == 0


def test_a_body_over_64_kib_is_refused(shared_canary):
    reply = shared_canary.ask("POST", "/chaos", b'{"mode": "recover"' + b" " * 65536 + b"}")
    assert reply.status == 413


numbers = st.one_of(st.integers(), st.floats(), st.floats(-1, 31), st.booleans(), st.none(), st.text(max_size=3))
wishes = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["slow", "error", "recover", "slow ", "", None, 1, True]),
        "duration": numbers,
        "rate": numbers,
        "ttl": numbers,
        "speed": numbers,
    },
)


def fits(value: object, highest: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= highest


def right(wish: dict[str, object]) -> bool:
    """What product.md says of a wish, told another way than the app tells it."""
    limits = {"slow": {"duration": 30, "ttl": 86400}, "error": {"rate": 1, "ttl": 86400}, "recover": {}}
    mode = wish.get("mode")
    if not isinstance(mode, str) or mode not in limits:
        return False
    rest = {name: value for name, value in wish.items() if name != "mode"}
    return all(name in limits[mode] and fits(value, limits[mode][name]) for name, value in rest.items())


@settings(max_examples=60, deadline=None)
@given(wish=wishes)
def test_a_wish_is_accepted_exactly_when_it_is_right(shared_canary, wish):
    reply = shared_canary.chaos(**wish)
    assert reply.status == (200 if right(wish) else 400)
    assert ("error" in reply.json) == (reply.status == 400)
    assert shared_canary.chaos(mode="recover").status == 200


@settings(max_examples=40, deadline=None)
@given(body=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_junk_is_answered_400_and_the_app_lives_on(shared_canary, body):
    assert shared_canary.ask("POST", "/chaos", body).status == 400
    assert shared_canary.ask("GET", "/healthz").status == 200


def test_error_at_rate_1_fails_users_routes_only(canary):
    assert canary.chaos(mode="error", rate=1).json == {"chaos": {"mode": "error", "rate": 1, "ttl": None}}
    assert [canary.ask("GET", path).status for path in ("/", "/nowhere")] == [500, 500]
    assert [canary.ask("GET", path).status for path in ("/healthz", "/metrics", "/chaos")] == [200, 200, 405]
    assert canary.sample("chaos_active") == 2


def test_error_at_rate_0_fails_nothing(canary):
    canary.chaos(mode="error", rate=0)
    assert {canary.ask("GET", "/").status for _ in range(30)} == {200}


def test_error_without_a_rate_fails_some_and_not_all(canary):
    canary.chaos(mode="error")
    assert {canary.ask("GET", "/").status for _ in range(60)} == {200, 500}  # fails by chance once in 2**59


def test_slow_without_a_duration_means_two_seconds(canary):
    assert canary.chaos(mode="slow").json == {"chaos": {"mode": "slow", "duration": 2, "ttl": None}}
    assert canary.sample("chaos_active") == 1


def test_recover_wakes_the_requests_that_sleep(canary, rig):
    canary.chaos(mode="slow", duration=30)
    replies = []
    sleeper = threading.Thread(target=lambda: replies.append(canary.ask("GET", "/")))
    sleeper.start()
    rig.eventually(lambda: canary.sample("app_requests_in_flight") == 1)
    canary.chaos(mode="recover")
    sleeper.join(15)  # half of what the fault would have taken
    assert [reply.status for reply in replies] == [200]
    assert canary.sample("chaos_active") == 0


def test_a_fault_takes_the_place_of_the_one_before(canary):
    canary.chaos(mode="slow", duration=30)
    canary.chaos(mode="error", rate=1)
    assert canary.ask("GET", "/").status == 500
    assert canary.sample("chaos_active") == 2


def test_ttl_ends_a_fault_by_itself(canary, rig):
    canary.chaos(mode="error", rate=1, ttl=0.3)
    assert canary.ask("GET", "/").status == 500
    rig.eventually(lambda: canary.ask("GET", "/").status == 200)
    assert canary.sample("chaos_active") == 0


def test_a_request_sleeps_no_longer_than_the_ttl(canary):
    canary.chaos(mode="slow", duration=30, ttl=0.3)
    assert canary.ask("GET", "/").status == 200  # the client gives up after 20 s
    assert json.loads(canary.ask("GET", "/").body)["mode"] == "canary"

"""A release is known by what it runs; names for its metrics count only where a manifest gives some."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

from swiftdeploy.model import asking, journal
from swiftdeploy.model.event import Committed
from swiftdeploy.model.manifest import parse
from swiftdeploy.model.state import Instance, MetricNames, Release, State

SMALLEST = """\
services: {image: app, port: 3000, env: {A: '{x}'}%s}
nginx: {image: nginx, port: 8080}
network: {name: net, driver_type: bridge}
"""


def release(more: str = "") -> Release:
    return asking.release(parse(SMALLEST % more), "sha256:ab")


def test_a_release_that_names_no_metrics_has_the_id_it_always_had() -> None:
    assert release().id == "a14a998e8519"
    assert release().metrics is None
    assert release(", metrics: {}") == release()


def test_names_of_metrics_make_another_release() -> None:
    named = release(", metrics: {requests: calls_total, status_label: result}")
    assert named.metrics == MetricNames("calls_total", None, "result", None)
    assert named.id != release().id


def test_what_is_filled_in_for_an_instance_does_not_change_its_release() -> None:
    state = ", command: [app, '{state}', '{instance}']"
    assert release(state).id == release(state).id
    assert release(state).env_digest == release().env_digest


def committed(one: Release) -> str:
    state = State("local", 1, (Instance("stable-1", "stable", one),), 0)
    return journal.encode(Committed("deploy", "stable", state, "sha256:m"), 1, "2026-01-01T00:00:00Z", "r", "a", "0")


def test_a_journal_keeps_the_names() -> None:
    named = replace(release(), metrics=MetricNames("calls_total"))
    event = journal.decode(committed(named)).event
    assert isinstance(event, Committed)
    assert event.state.instances[0].release == named


def test_a_journal_from_before_there_were_names_can_be_read() -> None:
    entry = json.loads(committed(release()))
    del entry["state"]["instances"][0]["release"]["metrics"]
    entry.pop("hash")
    body = json.dumps(entry, separators=(",", ":"))
    event = journal.decode(f'{body[:-1]},"hash":"{sha256(body.encode()).hexdigest()}"}}').event
    assert isinstance(event, Committed)
    assert event.state.instances[0].release == release()

"""The users of real apps are counted exactly, with nothing configured: errors included, our own polls never."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from realapps import APPS, SEPARATE_PAGES, App, Running

from swiftdeploy.model.metrics import several_workers

GOOD = ("/", "/items/7", "/items/8")


def sent(app: Running, good: int, bad: int) -> None:
    """Requests of users through the proxy."""
    statuses = [app.project.ask(GOOD[at % len(GOOD)])[0] for at in range(good)]
    assert statuses == [200] * good
    assert [app.project.ask("/fail")[0] for _ in range(bad)] == [500] * bad


@pytest.mark.parametrize("name", APPS)
def test_users_are_what_was_sent(name: str, deployed: Callable[[App], Running]) -> None:
    app = deployed(APPS[name])
    before = [app.scrape(), app.scrape()]
    idle = app.window(*before)
    sent(app, 24, 4)
    between = app.scrape()
    sent(app, 6, 2)
    whole = app.window(*before, between, app.scrape())
    assert (idle.users.samples, idle.users.errors) == (0, 0)
    assert (whole.users.samples, whole.users.errors) == (36, 6)
    assert whole.users.p99_latency_ms is not None


@pytest.mark.parametrize("name", APPS)
def test_an_idle_app_has_no_users_however_often_we_look(name: str, deployed: Callable[[App], Running]) -> None:
    app = deployed(APPS[name])
    sent(app, 3, 1)
    seen = [app.scrape() for _ in range(40)]
    assert app.window(*seen).users.samples == 0
    assert several_workers(seen) is None


def test_status_says_by_what_users_are_counted(deployed: Callable[[App], Running]) -> None:
    app = deployed(APPS["fastapi"])
    sent(app, 3, 1)
    (track,) = app.project.ok("status", "--once", "--json", "--interval", "1").json["tracks"]  # type: ignore[misc]
    assert track["metrics"] == "http_requests_total{method, handler, status} and http_request_duration_seconds"


def test_workers_with_pages_of_their_own_are_noticed(deployed: Callable[[App], Running]) -> None:
    app = deployed(SEPARATE_PAGES)
    end = time.monotonic() + 30
    seen = [app.scrape()]
    while several_workers(seen) is None and time.monotonic() < end:
        sent(app, 3, 0)
        seen.append(app.scrape())
    assert "several workers answer" in str(several_workers(seen))


def test_the_folder_of_an_instance_is_its_own_and_goes_with_it(deployed: Callable[[App], Running]) -> None:
    app = deployed(APPS["gunicorn-2"])
    folder = app.project.root / ".swiftdeploy/local/states"
    assert [one.name for one in folder.iterdir()] == ["stable-1"]
    app.project.set({"services.version": "1.0.1"})
    app.project.ok("deploy")
    assert [one.name for one in folder.iterdir()] == ["stable-2"]
    app.project.ok("teardown")
    assert not folder.exists()

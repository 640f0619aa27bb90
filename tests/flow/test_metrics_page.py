"""An instance's metrics page is read by the names of its release, and what it does instead is said in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from swiftdeploy.flow.observe import own, read, scrape, uncounted
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.metrics import Own
from swiftdeploy.model.scrape import Scrape
from swiftdeploy.model.state import Instance, MetricNames, Release

RELEASE = Release("r1", "1", "i", "d", (), False, 1, "e", "/live", "/stats", None, None)
CANARY = Instance("canary-2", "canary", RELEASE)
COUNTED = 'http_requests_total{code="200"} 7\n'


@dataclass
class Page:
    """A metrics page; status 0 refuses."""

    text: str = COUNTED
    status: int = 200

    def get(self, url: str, timeout_seconds: float) -> tuple[int, str]:
        assert (url, timeout_seconds) == ("http://canary-2:80/stats", 2.0)
        if not self.status:
            raise ConnectionRefusedError
        return self.status, self.text

    def address(self, instance: Instance) -> str:
        if instance.id != CANARY.id:
            raise EnvironmentMissing(f"{instance.id} has no address")
        return f"{instance.id}:80"


def world(page: Page) -> Any:
    return SimpleNamespace(web=page, engine=page, clock=SimpleNamespace(now=lambda: 7.0))


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(status=0), "canary-2 does not answer at its metrics page"),
        (Page(status=404), "canary-2 answers 404 at its metrics page /stats"),
        (Page(status=500), "canary-2 answers 500 at its metrics page /stats"),
        (Page("<html>"), "what canary-2 answers at /stats is no Prometheus text"),
        (Page('http_requests_total{code="200"} NaN\n'), "what canary-2 answers at /stats is no Prometheus text"),
    ],
)
def test_what_a_metrics_page_does_instead_is_said(page: Page, words: str) -> None:
    assert read(CANARY, world(page), None) == words
    assert scrape(CANARY, world(page)) is None
    assert uncounted(CANARY, world(page), None) == f"{words}; the gate has its probe and the proxy's log alone"


def test_an_instance_without_an_address_does_not_answer() -> None:
    found = read(replace(CANARY, id="canary-3"), world(Page()), None)
    assert found == "canary-3 does not answer at its metrics page"


def test_a_page_with_users_is_read_and_nothing_is_wrong_with_it() -> None:
    seen = read(CANARY, world(Page()), None)
    assert isinstance(seen, Scrape)
    assert (seen.at, seen.requests) == (7.0, {("", "", "200"): 7.0})
    assert uncounted(CANARY, world(Page()), None) is None


def test_the_names_of_a_release_reach_its_scrapes() -> None:
    named = replace(CANARY, release=replace(RELEASE, metrics=MetricNames("calls_total", status_label="result")))
    seen = scrape(named, world(Page('calls_total{result="500"} 7\n')))
    assert seen is not None
    assert seen.requests == {("", "", "500"): 7.0}


@pytest.mark.parametrize(("engine", "polls"), [("local", 0), ("docker", 6)])
def test_our_own_requests_are_scrapes_and_a_containers_health_checks(engine: str, polls: int) -> None:
    there: Any = SimpleNamespace(engine=SimpleNamespace(name=engine))
    assert own(7, 10.5, there) == Own(7, polls)

"""A metrics page that users cannot be counted by is a warning, with what was found and what is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import Bench, FakeWeb

from swiftdeploy.flow.world import World
from swiftdeploy.model.check import Check
from swiftdeploy.verbs import status
from swiftdeploy.verbs.deploy import deploy
from swiftdeploy.verbs.validate import validate

NEEDED = (
    "users of stable-1 cannot be counted by its metrics page: found http_hits_total{page}; needed: a counter with a "
    "status label, such as http_requests_total{status_code}; or name yours in services.metrics"
)
GOOD = 'http_requests_total{path="/",status="200"} %d\n'


class Pages(FakeWeb):
    """A metrics page that is another one each time, the last one over and over."""

    pages: list[tuple[int, str]]

    def get(self, url: str, timeout_seconds: float) -> tuple[int, str]:
        if not url.endswith("/metrics"):
            return super().get(url, timeout_seconds)
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]


def world(bench: Bench, *pages: str, status: int = 200) -> World:
    web = Pages(bench.engine)
    web.pages = [(status, page) for page in pages]
    return World(**{**vars(bench.world()), "web": web})


def metrics_check(world: World) -> Check | None:
    return next((one for one in validate(world) if one.name == "metrics"), None)


def test_deploy_says_so_and_deploys(bench: Bench) -> None:
    assert deploy(world(bench, 'http_hits_total{page="/"} 3\n')).instances
    assert NEEDED in bench.console.warned


def test_deploy_says_what_a_page_answers(bench: Bench) -> None:
    deploy(world(bench, "", status=404))
    assert "stable-1 answers 404 at its metrics page /metrics; the gate has its probe and the proxy's log alone" in (
        bench.console.warned
    )


def test_deploy_says_nothing_of_a_good_page(bench: Bench) -> None:
    deploy(world(bench, GOOD % 1))
    assert not [one for one in bench.console.warned if "metrics" in one]


def test_status_says_so(bench: Bench) -> None:
    deploy(bench.world())
    shot = status.once(world(bench, 'http_hits_total{page="/"} 3\n'), 1.0)
    assert NEEDED in shot.notes
    assert (shot.tracks[0].answers, shot.tracks[0].requests_per_second) == (True, None)


@pytest.mark.parametrize(
    ("code", "page", "words"),
    [(500, "", "stable-1 answers 500 at its metrics page /metrics"), (200, "<html>", "is no Prometheus text")],
)
def test_status_tells_a_page_that_answers_from_one_that_does_not(
    bench: Bench, code: int, page: str, words: str
) -> None:
    deploy(bench.world())
    shot = status.once(world(bench, page, status=code), 1.0)
    assert words in shot.tracks[0].trouble
    assert shot.tracks[0].trouble in shot.notes


def test_status_shows_no_figures_of_several_workers(bench: Bench) -> None:
    deploy(bench.world())
    pages = [GOOD % count + f"process_start_time_seconds {start}\n" for count, start in ((90, 7), (20, 8), (95, 7))]
    looking = world(bench, *pages)
    first = status.snapshot(looking)
    second = status.snapshot(looking, first)
    assert not [note for note in second.notes if "workers" in note]  # a restart so far
    third = status.snapshot(looking, second)
    assert third.tracks[0].figures.samples == 0
    assert third.tracks[0].requests_per_second is None
    assert any("start time goes back and forth" in note for note in third.notes)


def test_validate_asks_what_runs(bench: Bench) -> None:
    looking = world(bench, 'http_hits_total{page="/"} 3\n')
    assert metrics_check(looking) is None
    deploy(looking)
    assert metrics_check(looking) == Check("metrics", "warning", NEEDED)
    good = metrics_check(world(bench, GOOD % 1))
    assert good == Check("metrics", "pass", "users of stable-1 are counted by its metrics page")


def test_validate_reads_the_page_by_the_names_that_the_manifest_has_now(bench: Bench) -> None:
    page = 'calls_total{result="200"} 3\n'
    deploy(world(bench, page))
    manifest = Path(bench.root / "manifest.yaml")
    named = "services:\n  metrics: {requests: calls_total, status_label: result}\n"
    manifest.write_text(manifest.read_text().replace("services:\n", named))
    found = metrics_check(world(bench, page))
    assert found is not None
    assert found.outcome == "pass"

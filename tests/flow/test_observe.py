"""A scrape of an instance, and what two of them and the proxy's log say of a window that is over."""

import pytest
from watched import BOTH, CANARY, RELEASE, SETTINGS, STABLE, App, Clock, world_of

from swiftdeploy.flow.observe import scrape, serving_window, track_window
from swiftdeploy.model.state import State


def test_a_scrape_goes_straight_to_the_instance_at_its_own_metrics_path():
    world = world_of(canary_2=App(Clock(7.0)))
    seen = scrape(CANARY, world)
    assert seen is not None
    assert (seen.at, seen.in_flight) == (7.0, 2)
    assert world.asked == [("http://canary-2:80/stats", 2.0)]


@pytest.mark.parametrize("status", [0, 404, 500])
def test_no_metrics_page_is_no_scrape(status):
    assert scrape(CANARY, world_of(canary_2=App(Clock(), status=status))) is None


def test_an_instance_without_an_address_is_no_scrape():
    assert scrape(STABLE, world_of(canary_2=App(Clock()))) is None


def test_a_track_window_leaves_out_the_manifests_own_paths():
    app = App(Clock(), users_per_second=10)
    world = world_of(canary_2=app)
    first = scrape(CANARY, world)
    app.clock.sleep(5)
    app.failing = 50
    seen = track_window(first, scrape(CANARY, world), RELEASE)
    assert (seen.users.samples, seen.users.errors, seen.seconds) == (100, 50, 5.0)


def test_a_window_that_is_over_has_what_the_proxy_logged_meanwhile():
    world = world_of(canary_2=App(Clock(3.0)))
    first = scrape(CANARY, world)
    world.clock.sleep(5)
    world.written = [(2.0, "canary-2", 500)] * 9 + [(4.0, "canary-2", 502)] * 2 + [(7.0, "canary-2", 200)] * 3
    seen = serving_window(CANARY, first, scrape(CANARY, world), BOTH, world)
    assert (seen.seconds, seen.proxy.samples, seen.proxy.errors) == (5.0, 5, 2)
    assert serving_window(CANARY, None, None, BOTH, world).proxy.samples == 0
    alone = State(instances=(STABLE,), settings=SETTINGS)
    assert serving_window(STABLE, first, scrape(CANARY, world), alone, world).proxy.samples == 0

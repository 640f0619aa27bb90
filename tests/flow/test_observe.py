"""A judged instance is scraped, probed, and watched until there is enough evidence or the window is over."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from swiftdeploy.flow.observe import judged, scrape, serving_window, track_window
from swiftdeploy.model.errors import EnvironmentMissing, Interrupted
from swiftdeploy.model.figures import Tally
from swiftdeploy.model.state import Instance, Release, Settings, State

RELEASE = Release(
    id="r1", version="1", image="i", digest="d", argv=(), sample_app=False, port=1, env_digest="e",
    health_path="/live", metrics_path="/stats", memory=None, cpus=None,
)  # fmt: skip
EPOCH = 1_700_000_000.0  # the proxy's clock has nothing to do with the world's
SETTINGS = Settings(
    bind="", port=80, admin_port=81, proxy_timeout_seconds=30, private_paths=(), contact="c", nginx_image="n",
    opa_image="o", opa_port=1, restart_policy="no", log_volume="v", network_name="n", network_driver="bridge",
)  # fmt: skip
CANARY = Instance("canary-2", "canary", RELEASE)
STABLE = Instance("stable-1", "stable", RELEASE)
BOTH = State(instances=(STABLE, CANARY), weight=50, settings=SETTINGS)


@dataclass
class Clock:
    time: float = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class App:
    """An app whose users come at a rate, and that counts probes as well."""

    clock: Clock
    users_per_second: float = 0.0
    failing: int = 0
    probed: int = 0
    status: int = 200
    in_flight: int = 2

    def page(self) -> str:
        good = int(self.users_per_second * self.clock.time) + self.probed
        return (
            f'http_requests_total{{method="GET",path="/",status_code="200"}} {good}\n'
            f'http_requests_total{{method="GET",path="/",status_code="500"}} {self.failing}\n'
            f'http_requests_total{{method="GET",path="/live",status_code="500"}} {int(self.clock.time * 1000)}\n'
            f"app_requests_in_flight {self.in_flight}\n"
        )


@dataclass
class Effects:
    """The parts of a World that observing touches."""

    apps: dict[str, App]
    clock: Clock
    asked: list[tuple[str, float]] = field(default_factory=list)
    probes: list[tuple[str, str, int, float]] = field(default_factory=list)
    tally_errors: int = 0
    admin_port: int | None = 81
    written: list[tuple[float, str, int]] = field(default_factory=list)
    read_since: list[float] = field(default_factory=list)

    @property
    def engine(self):
        return self

    @property
    def web(self):
        return self

    @property
    def traffic(self):
        return self

    def address(self, instance: Instance) -> str:
        if instance.id not in self.apps:
            raise EnvironmentMissing(f"{instance.id} has no address")
        return f"{instance.id}:80"

    def get(self, url: str, timeout_seconds: float) -> tuple[int, str]:
        if url == f"http://127.0.0.1:{self.admin_port}/clock":
            return 200, f"{EPOCH + self.clock.time:.3f}"
        self.asked.append((url, timeout_seconds))
        app = self.apps[url.split("/")[2].split(":")[0]]
        if app.status == 0:
            raise ConnectionRefusedError
        return app.status, app.page()

    def proxy_log(self, since: float) -> list[str]:
        """All that happened until now, older lines and other words too."""
        self.read_since.append(since - EPOCH)
        said = [
            f"swiftdeploy-window\t{EPOCH + at:.3f}\t{who}\t/\t0.009\t{who}.example:80\t{status}\t0.009\t{status}"
            for at, who, status in self.written
            if at <= self.clock.time
        ]
        return ["2026/05/05 20:34:51 [notice] 7#7: start worker process 8", *said]

    def probe(self, address: str, path: str, requests: int, rps: float) -> Tally:
        self.probes.append((address, path, requests, rps))
        self.clock.sleep(requests / rps)
        self.apps[address.split(":")[0]].probed += requests
        return Tally(requests, self.tally_errors, (3.0,) * requests, {"200": requests}, requests / rps, path)


def manifest(requests: int | None = 300, window: float = 30.0) -> SimpleNamespace:
    probe = SimpleNamespace(path="/", requests=requests, rps=150.0) if requests else None
    return SimpleNamespace(canary=SimpleNamespace(window_seconds=window, probe=probe))


def world_of(**apps: App) -> Effects:
    clock = next(iter(apps.values())).clock
    return Effects({name.replace("_", "-"): app for name, app in apps.items()}, clock)


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


def test_a_probe_that_is_evidence_enough_ends_the_window():
    world = world_of(canary_2=App(Clock()))
    facts = judged(CANARY, manifest(), world, State())
    assert world.probes == [("canary-2:80", "/", 300, 150.0)]
    assert (facts["samples"], facts["window_seconds"], facts["error_rate_percent"]) == (300, 2.0, 0.0)
    assert facts["in_flight"] == 2


def test_without_a_probe_users_are_waited_for_until_they_are_enough():
    world = world_of(canary_2=App(Clock(), users_per_second=20))
    facts = judged(CANARY, manifest(None), world, State(), enough=100)
    assert world.probes == []
    assert (facts["samples"], facts["window_seconds"]) == (100, 5.0)


def test_the_window_ends_without_evidence_too():
    world = world_of(canary_2=App(Clock()))
    facts = judged(CANARY, manifest(None, window=4.0), world, State())
    assert (facts["samples"], facts["error_rate_percent"], facts["window_seconds"]) == (0, None, 4.0)


def test_a_small_probe_and_users_make_evidence_together():
    world = world_of(canary_2=App(Clock(), users_per_second=10))
    facts = judged(CANARY, manifest(60), world, State(), enough=100)
    assert facts["samples"] >= 100
    assert facts["sources"]["probe"]["samples"] == 60


def test_an_instance_without_metrics_is_judged_by_the_probe_at_once():
    world = world_of(canary_2=App(Clock(), status=404))
    facts = judged(CANARY, manifest(50), world, State(), enough=100)
    assert (facts["samples"], facts["window_seconds"]) == (50, 0.333)
    assert facts["in_flight"] is None


def test_the_stable_track_is_measured_over_the_same_window():
    clock = Clock()
    world = world_of(canary_2=App(clock), stable_1=App(clock, users_per_second=100))
    facts = judged(CANARY, manifest(), world, State(instances=(STABLE,)))
    assert facts["sources"]["stable"]["samples"] == 200
    assert len(world.probes) == 1


def test_an_instance_without_an_address_cannot_be_probed():
    with pytest.raises(EnvironmentMissing):
        judged(STABLE, manifest(), world_of(canary_2=App(Clock())), State())


def test_waiting_for_users_can_be_interrupted():
    class Stopped(Clock):
        def sleep(self, seconds: float) -> None:
            raise Interrupted("Ctrl-C")

    with pytest.raises(Interrupted):
        judged(CANARY, manifest(None), world_of(canary_2=App(Stopped())), State())


def test_a_track_window_leaves_out_the_manifests_own_paths():
    app = App(Clock(), users_per_second=10)
    world = world_of(canary_2=app)
    first = scrape(CANARY, world)
    app.clock.sleep(5)
    app.failing = 50
    seen = track_window(first, scrape(CANARY, world), RELEASE)
    assert (seen.users.samples, seen.users.errors, seen.seconds) == (100, 50, 5.0)


def test_the_proxy_tells_of_an_instance_that_serves_over_the_same_window():
    clock = Clock(5.0)
    world = world_of(canary_2=App(clock), stable_1=App(clock))
    before, within, after = 4.0, 6.0, 99.0
    world.written = (
        [(before, "canary-2", 500)] * 30 + [(within, "canary-2", 500)] * 10 + [(within, "canary-2", 200)] * 90
    )
    world.written += [(within, "stable-1", 200)] * 50 + [(within, "canary-1", 500)] * 70 + [(after, "canary-2", 500)]
    facts = judged(CANARY, manifest(), world, BOTH)
    proxy = facts["sources"]["proxy"]
    assert (proxy["samples"], proxy["errors"], proxy["p99_latency_ms"]) == (100, 10, 9.0)
    assert facts["error_rate_percent"] == 10.0
    assert facts["samples"] == 400
    assert facts["sources"]["stable_proxy"]["samples"] == 50
    assert facts["sources"]["stable_proxy"]["errors"] == 0


def test_of_a_candidate_without_traffic_the_proxy_knows_nothing():
    clock = Clock()
    world = world_of(canary_2=App(clock), stable_1=App(clock))
    world.written = [(1.0, "canary-2", 500)] * 30  # one that an undone change had under the same name
    facts = judged(CANARY, manifest(), world, State(instances=(STABLE,), settings=SETTINGS))
    assert facts["sources"]["proxy"]["samples"] == facts["sources"]["stable_proxy"]["samples"] == 0
    assert facts["error_rate_percent"] == 0.0


@pytest.mark.parametrize("settings", [None, SETTINGS])
def test_a_proxy_that_does_not_tell_the_time_is_no_source(settings):
    world = world_of(canary_2=App(Clock()), **{"127.0.0.1": App(Clock(), status=404)})
    world.admin_port, world.written = None, [(1.0, "canary-2", 500)] * 30
    facts = judged(CANARY, manifest(), world, State(instances=(CANARY,), settings=settings))
    assert facts["sources"]["proxy"]["samples"] == 0
    assert facts["samples"] == 300


@pytest.mark.parametrize("answer", ["nan", "inf", "", "<html>"])
def test_a_time_that_is_none_is_no_source(answer):
    class Stranger(Effects):
        def get(self, url, timeout_seconds):
            return (200, answer) if url.endswith("/clock") else super().get(url, timeout_seconds)

    world = Stranger({"canary-2": App(Clock())}, Clock())
    world.written = [(0.0, "canary-2", 500)] * 30
    assert judged(CANARY, manifest(), world, BOTH)["sources"]["proxy"]["samples"] == 0


def test_without_metrics_and_probe_the_proxy_is_waited_for():
    world = world_of(canary_2=App(Clock(), status=404))
    world.written = [(number / 10, "canary-2", 200) for number in range(1, 1000)]
    facts = judged(CANARY, manifest(None), world, State(instances=(CANARY,), settings=SETTINGS), enough=100)
    assert (facts["samples"], facts["window_seconds"], facts["error_rate_percent"]) == (100, 10.0, 0.0)
    assert world.read_since[0] == 0.0
    assert world.read_since[-1] > 8.0, "each look reads only what is new"


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

"""A World for what observes and measures: apps that count, a proxy that logs, and a clock that somebody must move."""

from dataclasses import dataclass, field
from types import SimpleNamespace

from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.figures import Answer, Tally
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
    probes: list[tuple[str, tuple[str, ...], int, float, float]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    answers_of_stable: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    admin_port: int | None = 81
    written: list[tuple[float, str, int]] = field(default_factory=list)
    read_since: list[float] = field(default_factory=list)
    name: str = "local"

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

    def probe(self, address, paths, requests, rps, *, enough, longest_seconds, watch):
        """In steps of a fifth of a second, as long as `watch` lets it."""
        self.probes.append((address, paths, requests, rps, longest_seconds))
        app, tallies = self.apps[address.split(":")[0]], ()
        for sent in range(int(rps / 5), requests + int(rps / 5), int(rps / 5)):
            each = min(sent, requests) // len(paths)
            self.clock.sleep(0.2)
            app.probed += each * len(paths) - sum(one.requests for one in tallies)
            tallies = tuple(self._tally(path, each) for path in paths)
            if watch(tallies):
                break
        return tallies

    def _tally(self, path, requests):
        status = self.answers.get(path, "200")
        bad = 0 if status[0] in "23" else requests
        return Tally(requests, bad, (3.0,) * requests, {status: requests}, requests / 150, path)

    def ask(self, address, path):
        assert address.startswith("stable-1"), "only stable says what a path answers by itself"
        return Answer(int(self.answers_of_stable.get(path, "200")), False, 0.001)

    @property
    def console(self):
        return self

    def progress(self, text: str) -> None:
        self.told.append(text)


def manifest(requests: int | None = 300, window: float = 30.0, paths: tuple[str, ...] = ("/",)) -> SimpleNamespace:
    probe = SimpleNamespace(asked_paths=paths, requests=requests, rps=150.0) if requests else None
    return SimpleNamespace(canary=SimpleNamespace(window_seconds=window, probe=probe, exclude_paths=()))


def world_of(**apps: App) -> Effects:
    clock = next(iter(apps.values())).clock
    return Effects({name.replace("_", "-"): app for name, app in apps.items()}, clock)

"""Everything a verb may touch, as Protocols, and the frozen World that carries them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from swiftdeploy.model.check import Check
from swiftdeploy.model.decision import Decision, Gate, Json, PolicySet
from swiftdeploy.model.errors import Finding
from swiftdeploy.model.event import Entry, Event
from swiftdeploy.model.state import EngineName, Instance, Release, Settings, State

if TYPE_CHECKING:  # pydantic alone is half of the time that a rollback may take
    from swiftdeploy.model.figures import Answer, Tally
    from swiftdeploy.model.manifest import Manifest
    from swiftdeploy.model.rego import TestResult

PhaseName = Literal[
    "lock", "recover", "load", "measure", "decide", "record-decision", "record-intent", "start-new", "ready",
    "switch", "verify", "record-commit", "write", "drain", "stop-old", "undo",
]  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One thing that should run: an instance, the proxy or the judge. `state` is `running`, `starting` or
    `stopped`; `detail` says more in words (`exited with status 1`). It is a process of this machine with a `pid`, or
    a `container` by its id."""

    name: str
    state: Literal["running", "starting", "stopped"]
    pid: int | None
    detail: str = ""
    container: str = ""


class Engine(Protocol):
    """How a stack lives. Every method may be repeated safely: a crash in the middle is repaired by calling it again.
    All of it raises EnvironmentMissing when the machine lacks something (and says who holds a taken port)."""

    @property
    def name(self) -> EngineName: ...

    def fetch(self, manifest: Manifest) -> None:
        """Have here what the manifest's release consists of: an image is built or pulled. Starts nothing."""

    def release(self, manifest: Manifest) -> Release:
        """What this manifest asks to run, with the digest of what it would run right now. Starts nothing."""

    def open(self, settings: Settings) -> None:
        """Bring up what instances need before they start (local: supervisord), and check that the published ports are
        free or our own."""

    def is_open(self) -> bool:
        """Whether anything of this project's engine runs, an instance or not."""

    def start_judge(self, settings: Settings, policies: PolicySet) -> None:
        """Start the judge's server where this engine has one, and wait until it answers; else nothing."""

    def running(self) -> tuple[str, ...]:
        """Ids of the instances that this project has started and not stopped, dead ones included, by the engine's own
        markers."""

    def start(self, instance: Instance, manifest: Manifest) -> None:
        """Start a copy of the release with the environment that `manifest` gives. Returns at once."""

    def ended(self, instance: Instance) -> str | None:
        """None while it lives; else what became of it in words, such as `exited with status 1`."""

    def address(self, instance: Instance) -> str:
        """Where this machine reaches the instance and nothing in its place: `host:port`, with a path before its own
        where that leads through the proxy (`127.0.0.1:8081/instances/stable-1`). Raises EnvironmentMissing when it
        has none."""

    def route(self, state: State) -> None:
        """Write routes for `state` and make the proxy read them (started when it does not run). Raises Unreadable when
        the proxy refuses what the templates make of them, EnvironmentMissing when it or a port is missing; either
        leaves the old routes in force."""

    def unrouted(self, state: State) -> str | None:
        """None when the routes of `state` are in force for every new connection; else what is still missing."""

    def busy(self, ids: Sequence[str]) -> str | None:
        """None when no request can be in flight on those instances any more; else what is waited for. Call it again
        and again: the engine remembers between calls since when they have been idle, and lets each have no more than
        the `drain_timeout` that it was started with."""

    def stop(self, instance_id: str, grace_seconds: float) -> None:
        """SIGTERM, wait up to `grace_seconds`, SIGKILL; gone with its whole process group when this returns."""

    def log_tail(self, name: str, lines: int) -> tuple[str, ...]:
        """Last lines of the log of an instance id, `proxy` or `judge`."""

    def log_follow(self, name: str) -> Iterator[str]:
        """Lines as they come, until the caller stops asking."""

    def proxy_log(self, since: float) -> Sequence[str]:
        """Whole lines of the proxy's window log (model.proxylog), oldest first as far as that is known: all that the
        proxy wrote at `since` or later, which is unix seconds by its own clock (`/clock` on the admin listener, `$msec`
        in each line). Earlier lines and the proxy's other words may be among them; whoever reads them looks at each.
        Of a log beyond all measure only the newest part. () when there is none or it cannot be read: never raises."""

    def parts(self, state: State) -> tuple[Part, ...]:
        """What should run for `state` and whether it does: each instance, `proxy`, and `judge` where it is a server."""

    def test_proxy(self, manifest: Manifest) -> str | None:
        """`nginx -t` over the rendered config of this manifest, touching no real file: None when it passes, else what
        nginx said."""

    def missing_command(self, manifest: Manifest) -> str | None:
        """Why `services.command` could not even be tried on this machine, in words; None when its executable is there,
        or when this engine runs none."""

    def inventory(self) -> tuple[Check, ...]:
        """What this engine needs of the machine, with versions and places; what is missing, with how to get it.
        Starts and changes nothing."""

    def port_holder(self, port: int) -> str | None:
        """Who listens on a TCP port in words (`pid 4121 (nginx)`); None when it is free or held by this project."""

    def kill(self, part: str) -> None:
        """SIGKILL an instance, `proxy` or `judge`, as a crash would (chaos)."""

    def hold_judge_down(self, down: bool) -> None:
        """Chaos: stop the judge's server, and let no `start_judge` bring it back until this is called with False."""

    def close(self, clean: bool) -> None:
        """Stop everything of this project and nothing else, from the engine's own markers; `clean` also removes
        its files (volumes, logs)."""


class Judge(Protocol):
    """Who evaluates Rego. Never raises for a bad judge or policy: that is a Decision with outcome `none`."""

    def warm(self) -> None:
        """A decision will be asked for soon: get ready without making anybody wait."""

    def decide(self, gate: Gate, facts: Mapping[str, Json], policies: PolicySet) -> Decision:
        """Ask the gate's `decision` rule; policies other than those in force are compiled and loaded first."""

    def in_force(self) -> str | None:
        """Digest of the policies that the judge holds now; None when it holds none or does not answer."""

    def hurt(self, fault: Literal["down", "garbage", "recover"]) -> None:
        """Chaos for scenarios, on the real judge process."""

    def close(self) -> None:
        """End the judge's child process, if any."""


class Web(Protocol):
    """Small HTTP calls to this project's own addresses; never through a proxy of the environment."""

    def get(self, url: str, timeout_seconds: float) -> tuple[int, str]:
        """Status and text. Raises OSError when there is no answer."""

    def post(self, url: str, body: Mapping[str, Json], timeout_seconds: float) -> tuple[int, str]:
        """POST JSON; status and text. Raises OSError when there is no answer."""


class Traffic(Protocol):
    """Requests that the gate itself sends."""

    def probe(
        self,
        address: str,
        paths: Sequence[str],
        requests: int,
        rps: float,
        *,
        enough: int,
        longest_seconds: float,
        watch: Callable[[Sequence[Tally]], bool] = ...,
    ) -> tuple[Tally, ...]:
        """Up to `requests` GETs in all to an engine's address, spread evenly over the paths; a tally a path. At most
        `rps` and 32 in flight, and fewer where the app cannot take them.

        It ends when all are sent, after 10 s with `enough` answers, after `longest_seconds` in any case, and as soon
        as `watch`, asked four times a second with the tallies so far, says so. Raises Interrupted, and what `watch`
        raises."""

    def ask(self, address: str, path: str) -> Answer:
        """One GET, no redirect followed. Raises OSError when there is no whole answer within 5 s, and Interrupted."""


class Host(Protocol):
    """Facts of this machine, as the infrastructure gate sees them."""

    def facts(self) -> Mapping[str, Json]:
        """disk_free_gb, cpu_load_1m, cpu_count, mem_free_percent, simulated."""


class Files(Protocol):
    """Files of the project folder, by name relative to it. Writes are whole-or-absent."""

    def read(self, name: str) -> str:
        """Text with its line ends and BOM untouched; raises Unreadable with the path and the next step."""

    def exists(self, name: str) -> bool: ...

    def write(self, name: str, text: str, private: bool = False) -> None:
        """Replace by rename after fsync; `private` makes the file 0600."""

    def remove(self, name: str) -> None:
        """A file or a whole folder; gone already is fine."""

    def names(self, folder: str) -> tuple[str, ...]:
        """Names of the files and folders in a folder, sorted; () when it is absent."""

    def policies(self) -> PolicySet:
        """The project's `policies/`, else the packaged ones. Raises Unreadable."""

    def templates(self) -> Mapping[str, str]:
        """The project's `templates/` over the packaged ones: `nginx.conf.tmpl`, `docker-compose.yml.tmpl`,
        `routing.conf.tmpl` to text."""


class Journal(Protocol):
    """history.jsonl: append-only, hash-chained."""

    def append(self, event: Event) -> Entry:
        """On disk (fsync) when it returns. A torn tail left by a crash is cut first, and that is recorded."""

    def entries(self) -> Iterator[Entry]:
        """All, oldest first; raises Unreadable with the line number at a line that is no entry."""

    def backwards(self) -> Iterator[Entry]:
        """All, newest first, reading only as far as asked; a torn last line is passed over."""

    def changes(self) -> Iterator[Entry]:
        """As `backwards`, without the `status_scrape` lines, of which there may be 100,000 since the last commit."""

    def head(self) -> str:
        """Hash of the last entry; `0` * 64 when there is none."""


class Rego(Protocol):
    """What can be said of policy files before they judge anything."""

    def check(self, policies: PolicySet) -> tuple[Finding, ...]:
        """Files compile, both gates define `decision`, thresholds are there: what is wrong, with its place."""

    def test(self, policies: PolicySet) -> tuple[TestResult, ...]:
        """Run every `test_*` rule of the `*_test.rego` files."""


class Tools(Protocol):
    """Other programs of this machine that `validate` and `doctor` ask; an absent one is `skipped` with the reason."""

    def image(self, name: str) -> Check:
        """Is this container image here?"""

    def compose(self, text: str) -> Check:
        """`docker compose config` over a rendered compose file."""

    def inventory(self) -> tuple[Check, ...]:
        """What this machine has of what SwiftDeploy can use on any engine, with versions."""


class Clock(Protocol):
    def now(self) -> float:
        """Monotonic seconds."""

    def sleep(self, seconds: float) -> None:
        """Raises Interrupted when the user wants to stop and the current phase may be left."""


class Console(Protocol):
    """Where a verb talks to people (stderr when --json). Never asks."""

    def say(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...

    def progress(self, text: str) -> None:
        """How far something is that takes long; the next word of any kind takes its place."""


@dataclass(frozen=True)
class World:
    """The effects of one project. `manifest_name` is the manifest's path relative to the project folder; `lock(verb)`
    holds the command lock or raises Busy, and `holder()` says in words who holds it."""

    manifest_name: str
    engine: Engine
    judge: Judge
    web: Web
    traffic: Traffic
    host: Host
    files: Files
    journal: Journal
    clock: Clock
    console: Console
    rego: Rego
    tools: Tools
    lock: Callable[[str], AbstractContextManager[None]]
    phase: Callable[[PhaseName], AbstractContextManager[None]]
    holder: Callable[[], str | None]

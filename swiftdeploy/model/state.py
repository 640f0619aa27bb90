"""What runs and who gets traffic, as one value. The current state is the one in the journal's last commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Track = Literal["stable", "canary"]
EngineName = Literal["local", "docker"]


@dataclass(frozen=True)
class MetricNames:
    """What a project calls its own series and labels (`services.metrics`); None where nothing is said of it."""

    requests: str | None = None
    duration: str | None = None
    status_label: str | None = None
    path_label: str | None = None


@dataclass(frozen=True)
class Release:
    """What is run. Two releases are the same when their `id` is the same: it is a digest of every field that
    counts (never mode, weight, proxy, judge or network settings). Values of `env` are never kept here, only
    their digest; the manifest text of a kept release has them (`.swiftdeploy/releases/ID/`, mode 0600)."""

    id: str
    version: str
    image: str
    digest: str
    argv: tuple[str, ...]
    sample_app: bool
    port: int
    env_digest: str
    health_path: str
    metrics_path: str
    memory: str | None
    cpus: float | None
    metrics: MetricNames | None = None

    @property
    def label(self) -> str:
        """How people name it: `2.0.0 (1f0c9a3b2d4e)`, and what stands in for its image."""
        instead = f", sample app, not {self.image}" if self.sample_app else ""
        return f"{self.version} ({self.id}{instead})"


@dataclass(frozen=True)
class Instance:
    """One running copy of a release. `id` is the track and the generation that started it: `canary-3`.
    Its track is also its mode (the environment variable MODE)."""

    id: str
    track: Track
    release: Release


@dataclass(frozen=True)
class Settings:
    """What the manifest says of the stack itself, beside the release: changed ones are applied by `deploy`."""

    bind: str
    port: int
    admin_port: int
    proxy_timeout_seconds: float
    private_paths: tuple[str, ...]
    contact: str
    nginx_image: str
    opa_image: str
    opa_port: int
    restart_policy: str
    log_volume: str
    network_name: str
    network_driver: str


@dataclass(frozen=True)
class State:
    """`weight` is the percentage of requests for the canary track, 0 to 100 (100 when only the canary runs)."""

    engine: EngineName | None = None
    generation: int = 0
    instances: tuple[Instance, ...] = ()
    weight: int = 0
    settings: Settings | None = None

    @property
    def stable(self) -> Instance | None:
        return next((one for one in self.instances if one.track == "stable"), None)

    @property
    def canary(self) -> Instance | None:
        return next((one for one in self.instances if one.track == "canary"), None)

    def instance(self, track: Track) -> Instance | None:
        return self.stable if track == "stable" else self.canary


@dataclass(frozen=True)
class Moves:
    """Instances to start and to stop."""

    start: tuple[Instance, ...]
    stop: tuple[Instance, ...]


def moves(before: State, goal: State) -> Moves:
    """What to start and what to stop to get from one state to the other."""
    return Moves(
        tuple(one for one in goal.instances if one not in before.instances),
        tuple(one for one in before.instances if one not in goal.instances),
    )

"""What a manifest asks for, as the records that plans compare."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from swiftdeploy.model.plan import Asks
from swiftdeploy.model.state import EngineName, MetricNames, Release, Settings

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

DEFAULT_BIND: dict[EngineName, str] = {"local": "127.0.0.1", "docker": "0.0.0.0"}


def asks(manifest: Manifest, release: Release, engine: EngineName) -> Asks:
    """M of the verb table: the release, the mode, the canary's weight and the settings of the stack."""
    canary = manifest.canary
    trial = canary.steps[0] if canary.probe is None else 0
    return Asks(engine, release, manifest.services.mode, canary.weight, settings(manifest, engine), trial)


def release(manifest: Manifest, digest: str, argv: tuple[str, ...] = (), sample_app: bool = False) -> Release:
    """The release of a manifest, given the digest of what it runs: an image, or `argv` with the files that it names."""
    services = manifest.services
    env = sorted((name, value.get_secret_value()) for name, value in services.env.items())
    env_digest = f"sha256:{hashlib.sha256(json.dumps(env).encode()).hexdigest()}"
    counts: tuple[object, ...] = (
        digest, services.version, services.port, env_digest, services.health_path, services.metrics_path,
        services.resources.memory, services.resources.cpus,
    )  # fmt: skip
    named = metric_names(manifest)
    if named:  # where nothing is said, an id is what it was before there was such a key
        counts = (*counts, asdict(named))
    return Release(
        id=hashlib.sha256(json.dumps(counts).encode()).hexdigest()[:12],
        version=services.version,
        image=services.image,
        digest=digest,
        argv=argv,
        sample_app=sample_app,
        port=services.port,
        env_digest=env_digest,
        health_path=services.health_path,
        metrics_path=services.metrics_path,
        memory=services.resources.memory,
        cpus=services.resources.cpus,
        metrics=named,
    )


def metric_names(manifest: Manifest) -> MetricNames | None:
    """What `services.metrics` says; None where it says nothing."""
    given = manifest.services.metrics
    named = MetricNames(given.requests, given.duration, given.status_label, given.path_label) if given else None
    return named if named != MetricNames() else None


def settings(manifest: Manifest, engine: EngineName) -> Settings:
    """How the stack around the release should be; `nginx.bind` has a default of its own on each engine."""
    services, nginx = manifest.services, manifest.nginx
    return Settings(
        bind=nginx.bind or DEFAULT_BIND[engine],
        port=nginx.port,
        admin_port=nginx.admin_port,
        proxy_timeout_seconds=nginx.proxy_timeout_seconds,
        private_paths=nginx.private_paths,
        contact=manifest.contact,
        nginx_image=nginx.image,
        opa_image=manifest.opa.image,
        opa_port=manifest.opa.port,
        restart_policy=services.restart_policy,
        log_volume=services.log_volume,
        network_name=manifest.network.name,
        network_driver=manifest.network.driver_type,
    )

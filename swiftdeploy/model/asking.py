"""What a manifest asks for, as the records that plans compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swiftdeploy.model.plan import Asks
from swiftdeploy.model.state import EngineName, Release, Settings

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

DEFAULT_BIND: dict[EngineName, str] = {"local": "127.0.0.1", "docker": "0.0.0.0"}


def asks(manifest: Manifest, release: Release, engine: EngineName) -> Asks:
    """M of the verb table: the release, the mode, the canary's weight and the settings of the stack."""
    return Asks(engine, release, manifest.services.mode, manifest.canary.weight, settings(manifest, engine))


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

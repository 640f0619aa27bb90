"""Manifest and state in, texts of rendered files out: the proxy's configuration, its routes, the Compose file."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from swiftdeploy.model import escape
from swiftdeploy.model.state import Settings, Track
from swiftdeploy.model.template import filled

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

NGINX = "nginx.conf"
COMPOSE = "docker-compose.yml"
ROUTING = "routing.conf"
ROUTING_FOLDER = ".swiftdeploy/routing"

STATUS_NAMES: Mapping[int, str] = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass(frozen=True)
class Paths:
    """Where the proxy's things live. Absolute paths, without `$` (nginx cannot escape it).

    `temp` is an existing writable folder, `error_log` may be `stderr`, `handoff` is a unix socket's path (at most
    103 bytes). `user_root`: run the workers as root too, because the files they need are root's. `workers`: their
    number, else one a core. `bind`: listen there whatever the settings say, as a container with published ports does.
    `window_log`: where model.proxylog's lines go, a file or `/dev/stdout`.
    """

    pid: str
    temp: str
    routing: str
    access_log: str
    window_log: str
    error_log: str
    handoff: str
    user_root: bool = False
    workers: int | None = None
    bind: str | None = None


# An empty named volume takes over owner and mode of the image's folder at its mount point: /var/tmp is 1777 in every
# base image, so a numeric user that the image does not know may write its logs there.
CONTAINER = Paths(
    pid="/tmp/nginx.pid",
    temp="/tmp",
    routing="/etc/nginx/routing/routing.conf",
    access_log="/var/tmp/nginx-access.log",
    window_log="/dev/stdout",  # `docker logs` has it, whatever the image contains
    error_log="stderr",
    handoff="/tmp/handoff.sock",
    bind="0.0.0.0",
)


def local_proxy(settings: Settings, templates: Mapping[str, str], paths: Paths) -> str:
    """nginx.conf for a proxy on this machine. Raises BadFile when the template is broken."""
    return filled("nginx.conf.tmpl", templates, escape.nginx, _proxy_values(settings, paths))


def routing(
    stable: str | None,
    canary: str | None,
    weight: int,
    generation: int,
    handoff: str,
    instances: Mapping[str, str],
    templates: Mapping[str, str],
) -> str:
    """routing.conf: who gets traffic.

    `stable` and `canary` are addresses (`host:port`) or None when that track is absent; `weight` is the percentage for
    the canary, 0 to 100; `handoff` the path of the internal unix socket; `instances` maps every reachable instance id
    to its address. With one track only that track has everything; with none the proxy answers 503 by itself.
    Raises BadFile when the template is broken.
    """
    values = {
        "generation": generation,
        "split": _split(stable, canary, weight),
        "measured": _measured(stable, canary, instances),
        "stable": stable,
        "canary": canary,
        "handoff": f"unix:{handoff}",
        "instances": dict(sorted(instances.items())),
    }
    return filled("routing.conf.tmpl", templates, escape.nginx, values)


def project(manifest: Manifest, templates: Mapping[str, str], mode: Track | None = None) -> dict[str, str]:
    """The files of the project root, always for Compose: `nginx.conf` and `docker-compose.yml`.

    The same manifest gives the same bytes. `mode` stands for the manifest's own where it is given.
    Raises BadFile when a template is broken.
    """
    settings = stack_settings(manifest)
    mode = mode or manifest.services.mode
    return {
        NGINX: local_proxy(settings, templates, CONTAINER),
        COMPOSE: filled("docker-compose.yml.tmpl", templates, escape.compose, _compose_values(manifest, mode)),
    }


def mounted(manifest: Manifest, templates: Mapping[str, str]) -> dict[str, str]:
    """What the Compose file mounts, by name in the project folder: the proxy's configuration and first routes.

    The proxy reads a copy in a *folder*: a file that is mounted by itself and replaced by rename stays the old one
    inside the container. The routes are those of what a plain `docker compose up` starts.
    """
    services = ("app", "canary") if manifest.services.mode == "canary" else ("app",)
    at = {service: f"{service}:{manifest.services.port}" for service in services}
    routes = routing(at["app"], at.get("canary"), manifest.canary.weight, 0, CONTAINER.handoff, at, templates)
    config = local_proxy(stack_settings(manifest), templates, CONTAINER)
    return {f"{ROUTING_FOLDER}/{NGINX}": config, f"{ROUTING_FOLDER}/{ROUTING}": routes}


def stack_settings(manifest: Manifest) -> Settings:
    """What the manifest says of the stack, as the Compose rendering has it: without a `bind` the proxy is public."""
    return Settings(
        bind=manifest.nginx.bind or "0.0.0.0",
        port=manifest.nginx.port,
        admin_port=manifest.nginx.admin_port,
        proxy_timeout_seconds=manifest.nginx.proxy_timeout_seconds,
        private_paths=tuple(manifest.nginx.private_paths),
        contact=manifest.contact,
        nginx_image=manifest.nginx.image,
        opa_image=manifest.opa.image,
        opa_port=manifest.opa.port,
        restart_policy=manifest.services.restart_policy,
        log_volume=manifest.services.log_volume,
        network_name=manifest.network.name,
        network_driver=manifest.network.driver_type,
    )


def project_name(network_name: str) -> str:
    """Compose's name for the project, after the manifest's network: `swiftdeploy-net` gives `swiftdeploy`."""
    name = re.sub(r"[^a-z0-9_-]", "-", network_name.lower()).removesuffix("-net").strip("-_") or "swiftdeploy"
    if network_name in (name, f"{name}-net"):
        return name
    return f"{name}-{hashlib.sha256(network_name.encode()).hexdigest()[:6]}"


def _split(stable: str | None, canary: str | None, weight: int) -> dict[str, object]:
    """Percent of the canary, where there is anything to split, and who has the rest. `0%` is an error in nginx."""
    if stable is None and canary is None:
        return {"canary_percent": None, "rest": ""}
    if canary is None or (stable is not None and weight == 0):
        return {"canary_percent": None, "rest": "stable"}
    if stable is None or weight == 100:
        return {"canary_percent": None, "rest": "canary"}
    return {"canary_percent": weight, "rest": "stable"}


def _measured(stable: str | None, canary: str | None, instances: Mapping[str, str]) -> dict[str, str]:
    """Tracks to instance ids, where there is a canary to judge and perhaps a stable track to compare it with."""
    if canary is None:
        return {}
    tracks = {stable: "stable", canary: "canary"}
    return {tracks[address]: id for id, address in sorted(instances.items()) if address in tracks}


def _proxy_values(settings: Settings, paths: Paths) -> dict[str, object]:
    return {
        "paths": replace(paths, handoff=f"unix:{paths.handoff}"),
        "workers": paths.workers or "auto",
        "listen": _listen(paths.bind or settings.bind, settings.port),
        "admin_listen": _listen(paths.bind or "127.0.0.1", settings.admin_port),
        "proxy_timeout_ms": _milliseconds(settings.proxy_timeout_seconds),
        "private_paths": _private(settings.private_paths),
        "contact": escape.Prose(settings.contact),
        "errors": [
            {"code": code, "name": f"@swiftdeploy_{code}", "body": _body(code, settings.contact)}
            for code in STATUS_NAMES
        ],
    }


def _body(code: int, contact: str) -> str:
    """The JSON body of an error that the proxy makes itself."""
    return f'{{"error":"{STATUS_NAMES[code]}","code":{code},"service":"app","contact":{escape.json_string(contact)}}}'


def _listen(bind: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets."""
    return f"[{bind.strip('[]')}]:{port}" if ":" in bind else f"{bind}:{port}"


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _duration(seconds: float) -> str:
    whole = _milliseconds(seconds)
    return f"{whole}ms" if whole % 1000 else f"{whole // 1000}s"


def _private(paths: tuple[str, ...]) -> list[dict[str, escape.Location]]:
    """Each path and all below it, as nginx compares them: decoded, without dots and double slashes, each once."""
    clean = {posixpath.normpath("/" + unquote(path).strip("/")): None for path in paths}
    return [{"itself": escape.Location(path), "below": escape.Location(path + "/")} for path in clean if path != "/"]


def _compose_values(manifest: Manifest, mode: Track) -> dict[str, object]:
    services = manifest.services
    env = {key: value.get_secret_value() for key, value in sorted(services.env.items())}
    own = {"APP_VERSION": services.version, "APP_PORT": str(services.port), "APP_HOST": "0.0.0.0"}
    settings = stack_settings(manifest)
    return {
        "name": project_name(manifest.network.name),
        "mode": mode,
        "settings": asdict(settings),
        "service_port": services.port,
        "image": services.image,
        "build": services.build,
        "version": services.version,
        "tracks": {"app": "stable", "canary": "canary"},
        "env": env | own,
        "health_url": f"http://127.0.0.1:{services.port}{services.health_path}",
        "start_period": _duration(services.start_timeout_seconds),
        "drain": _duration(services.drain_timeout_seconds),
        "public_port": f"{_listen(settings.bind, settings.port)}:{settings.port}",
        "admin_port": f"127.0.0.1:{settings.admin_port}:{settings.admin_port}",
        "opa_port": f"127.0.0.1:{settings.opa_port}:8181",
        "memory": services.resources.memory or "512m",
        "cpus": services.resources.cpus or 1.0,
    }

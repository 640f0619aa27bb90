"""Manifest and state in, texts of rendered files out: the proxy's configuration and the Compose file."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from swiftdeploy.model import escape, placeholders, routes
from swiftdeploy.model.metrics import CONTAINER_HEALTH_SECONDS
from swiftdeploy.model.routes import Routes
from swiftdeploy.model.state import Settings, Track
from swiftdeploy.model.template import filled

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest, Services

NGINX = "nginx.conf"
COMPOSE = "docker-compose.yml"
ROUTING = "routing.conf"
ROUTING_FOLDER = ".swiftdeploy/routing"
POLICIES = "./policies"
KEPT_IMAGES = "swiftdeploy-kept"  # names of our own for images of releases that may come back
COMPOSE_INSTANCE = "app"  # {instance} of what a plain `docker compose up` starts; an engine's instances have ids
CONTAINER_STATE = "/run/swiftdeploy"
PACKAGED_POLICIES = "./.swiftdeploy/policies"  # where a project has none of its own

STATUS_NAMES: Mapping[int, str] = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
}
# Found out before there is a URI, without which nginx cannot go to a named location and makes a 500 of it.
WITHOUT_URI = (400, 414, 505)


@dataclass(frozen=True)
class Paths:
    """Where the proxy's things live. Absolute paths, without `$` (nginx cannot escape it).

    `temp` is an existing writable folder, `error_log` may be `stderr`, `handoff` is a unix socket's path (at most
    103 bytes). `user_root`: run the workers as root too, because the files they need are root's. `workers`: their
    number, else one a core. `bind`: listen there whatever the settings say, as a container with published ports does.
    `resolver`: the DNS server for upstreams that are names.
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
    resolver: str | None = None


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
    workers=2,
    bind="0.0.0.0",
    resolver="127.0.0.11",  # in every container of a network that is not Docker's default one
)


def local_proxy(settings: Settings, templates: Mapping[str, str], paths: Paths) -> str:
    """nginx.conf for a proxy on this machine. Raises BadFile when the template is broken."""
    return filled("nginx.conf.tmpl", templates, escape.nginx, _proxy_values(settings, paths))


def project(
    manifest: Manifest, templates: Mapping[str, str], mode: Track | None = None, policies: str = POLICIES
) -> dict[str, str]:
    """The files of the project root, always for Compose: `nginx.conf` and `docker-compose.yml`.

    The same manifest gives the same bytes. `mode` stands for the manifest's own where it is given; `policies` is the
    folder that OPA reads when it starts. Raises BadFile when a template is broken.
    """
    settings = stack_settings(manifest)
    values = _compose_values(settings, manifest.services, mode or manifest.services.mode, policies)
    return {
        NGINX: container_proxy(settings, templates),
        COMPOSE: filled("docker-compose.yml.tmpl", templates, escape.compose, values),
    }


def policies_folder(path: str, packaged: bool) -> str:
    """The folder that OPA reads when it starts, as the Compose file names it; `path` is where the project has its
    own."""
    return PACKAGED_POLICIES if packaged else f"./{path}"


def mounted(manifest: Manifest, templates: Mapping[str, str]) -> dict[str, str]:
    """What the Compose file mounts, by name in the project folder: the proxy's configuration and first routes.

    The proxy reads a copy in a *folder*: a file that is mounted by itself and replaced by rename stays the old one
    inside the container. The routes are those of what a plain `docker compose up` starts. The admin listener stays
    closed there, since only an engine can see which address is the network's gateway.
    """
    services = ("app", "canary") if manifest.services.mode == "canary" else ("app",)
    at = {service: f"{service}:{manifest.services.port}" for service in services}
    first = Routes(at["app"], at.get("canary"), manifest.canary.weight, 0, at, names=True)
    return {
        f"{ROUTING_FOLDER}/{NGINX}": container_proxy(stack_settings(manifest), templates),
        f"{ROUTING_FOLDER}/{ROUTING}": routes.text(first, CONTAINER.handoff, templates),
    }


def container_proxy(settings: Settings, templates: Mapping[str, str]) -> str:
    """nginx.conf for a proxy in a container. Raises BadFile when the template is broken."""
    return local_proxy(settings, templates, CONTAINER)


def stack(settings: Settings, templates: Mapping[str, str], policies: str = POLICIES) -> str:
    """The Compose file as `project` renders it, for the parts that no release changes: what it says of the app is
    nobody's. Raises BadFile when the template is broken."""
    from swiftdeploy.model.manifest import Services

    nobody = Services(image=settings.nginx_image, port=1)
    values = _compose_values(settings, nobody, "stable", policies)
    return filled("docker-compose.yml.tmpl", templates, escape.compose, values)


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
            {"code": code, "name": _error_name(code), "body": _body(code, settings.contact)} for code in STATUS_NAMES
        ],
    }


def _error_name(code: int) -> str:
    """A place that no client can ask for: nginx merges the slashes of what they ask."""
    return f"//swiftdeploy_{code}" if code in WITHOUT_URI else f"@swiftdeploy_{code}"


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


def _compose_values(settings: Settings, services: Services, mode: Track, policies: str) -> dict[str, object]:
    env = filled_env(services, COMPOSE_INSTANCE)
    own = {
        "APP_VERSION": services.version,
        "APP_PORT": str(services.port),
        "APP_HOST": "0.0.0.0",
        "APP_DRAIN_SECONDS": f"{services.drain_timeout_seconds:g}",
    }
    return {
        "name": project_name(settings.network_name),
        "mode": mode,
        "settings": asdict(settings),
        "service_port": services.port,
        "image": services.image,
        "build": services.build,
        "version": services.version,
        "tracks": {"app": "stable", "canary": "canary"},
        "env": env | own,
        "tmpfs": container_tmpfs(services),
        "health_interval": _duration(CONTAINER_HEALTH_SECONDS),
        "health_test": _health_test(f"http://127.0.0.1:{services.port}{services.health_path}"),
        "start_period": _duration(services.start_timeout_seconds),
        "drain": _duration(services.drain_timeout_seconds),
        "proxy_drain": _duration(settings.proxy_timeout_seconds),
        "public_port": f"{_listen(settings.bind, settings.port)}:{settings.port}",
        "admin_port": f"127.0.0.1:{settings.admin_port}:{settings.admin_port}",
        "opa_port": f"127.0.0.1:{settings.opa_port}:8181",
        "policies": policies,
        "memory": services.resources.memory or "512m",
        "cpus": services.resources.cpus or 1.0,
    }


def filled_env(services: Services, instance: str) -> dict[str, str]:
    """The manifest's environment as a container has it, PORT first, where the manifest does not say otherwise."""
    values = {"port": str(services.port), "instance": instance, "state": CONTAINER_STATE}
    given = {key: value.get_secret_value() for key, value in sorted(services.env.items())}
    return {"PORT": str(services.port)} | {key: placeholders.filled(value, values) for key, value in given.items()}


def container_tmpfs(services: Services) -> list[str]:
    """What a container may write to, empty at each start: /tmp, and {state} where the manifest names it."""
    state = [f"{CONTAINER_STATE}:mode=1777,size=64m"] if uses_state(services) else []
    return ["/tmp:mode=1777,size=64m", *state]


def uses_state(services: Services) -> bool:
    """Whether the manifest's environment names {state}."""
    return any("state" in placeholders.names(value.get_secret_value()) for value in services.env.values())


def _health_test(url: str) -> list[str]:
    """Whatever the image has: Python, wget or curl. Python first and 127.0.0.1, since in some (Alpine on WSL2) wget
    fails and `localhost` does not resolve. No proxy of the environment stands between a container and itself."""
    python = "import sys, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=4)"
    tries = (
        f'python3 -c "{python}" "$1"',
        'wget -q -T 4 -Y off -O /dev/null "$1"',
        "curl -fsS -m 4 --noproxy '*' -o /dev/null \"$1\"",
    )
    return ["CMD", "sh", "-c", " || ".join(tries), "sh", url]

"""Who gets traffic, as the proxy's routing.conf: the small file that changes at every switch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from swiftdeploy.model import escape
from swiftdeploy.model.template import filled


@dataclass(frozen=True)
class Routes:
    """Who gets traffic.

    `stable` and `canary` are addresses (`host:port`) or None when that track is absent; `weight` is the percentage for
    the canary, 0 to 100. With one track only that track has everything; with none the proxy answers 503 by itself.
    `instances` maps every instance id that the admin listener reaches to its address. `coming` are addresses that the
    next routes may use. `names`: addresses are names, which the proxy resolves again and again. `hosts`: IP addresses
    that may use the admin listener.
    """

    stable: str | None
    canary: str | None
    weight: int
    generation: int
    instances: Mapping[str, str]
    coming: tuple[str, ...] = ()
    names: bool = False
    hosts: tuple[str, ...] = ("127.0.0.1",)


def text(routes: Routes, handoff: str, templates: Mapping[str, str]) -> str:
    """routing.conf; `handoff` is the path of the internal unix socket. Raises BadFile when the template is broken."""
    values = {
        "generation": routes.generation,
        "hosts": routes.hosts,
        "split": _split(routes.stable, routes.canary, routes.weight),
        "measured": _measured(routes.stable, routes.canary, routes.instances),
        "names": routes.names,
        "upstreams": list(_upstreams(routes, f"unix:{handoff}")),
        "instances": sorted(routes.instances),
        "tracks": [track for track, address in (("stable", routes.stable), ("canary", routes.canary)) if address],
    }
    return filled("routing.conf.tmpl", templates, escape.nginx, values)


def _upstreams(routes: Routes, handoff: str) -> Iterator[dict[str, object]]:
    """Primary server first. A canary falls back to stable, and everything in public to the newest workers."""
    fallback = [routes.stable] if routes.stable else []
    for track, address, then in (("stable", routes.stable, []), ("canary", routes.canary, fallback)):
        if address or routes.coming:
            yield _upstream(track, address, [*then, handoff], routes, kept=True)
            yield _upstream(f"{track}_direct", address, then, routes)
            yield _upstream(f"{track}_only", address, [], routes)
    for name, address in sorted(routes.instances.items()):
        yield {"name": f"instance_{name}", "kept": False, "servers": [_server(address, routes)]}


def _upstream(
    name: str, primary: str | None, backups: list[str], routes: Routes, kept: bool = False
) -> dict[str, object]:
    """What is only coming stands in every upstream: nginx takes the addresses of a name over from the upstream of the
    same name in the configuration before, and has to wait for the DNS otherwise."""
    used = [primary, *backups] if primary else []
    servers = [_server(one, routes, backup=one != primary) for one in used if one]
    down = [_server(one, routes, down=True) for one in routes.coming if one not in used]
    return {"name": name, "kept": kept, "servers": [*servers, *down]}


def _server(address: str, routes: Routes, backup: bool = False, down: bool = False) -> dict[str, object]:
    resolve = routes.names and not address.startswith("unix:")
    return {"address": address, "resolve": resolve, "backup": backup, "down": down}


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

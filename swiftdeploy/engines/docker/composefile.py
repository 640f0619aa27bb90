"""From rendered Compose files to the one that starts some services, marked as this project's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from swiftdeploy.model.errors import Unreadable

TEMPLATE = "templates/docker-compose.yml.tmpl"
MERGED = ("labels", "environment", "networks")
DEFAULT_NETWORK = "default"  # where Compose puts a service that names none


@dataclass(frozen=True)
class Start:
    """`count` containers of the service `name` of a rendered file, with keys of the service changed: labels,
    environment and networks are merged, others replaced."""

    text: str
    name: str
    changes: Mapping[str, Any]
    count: int = 1


def of(starts: Sequence[Start], labels: Mapping[str, str], root: str) -> bytes:
    """A Compose file (JSON, which is YAML) with these services, and the networks and volumes that they use.

    `labels` go on everything in it. Relative paths are taken from `root`. `$` is doubled already in rendered texts, and
    is doubled here in what is added. Raises Unreadable when a text, which a project's own template may give, is no such
    file.
    """
    whole: dict[str, Any] = {"services": {}, "networks": {}, "volumes": {}, "configs": {}, "secrets": {}}
    for one in starts:
        rendered = _parsed(one.text, one.name)
        found = _changed(rendered["services"][one.name], one.changes, labels, root)
        whole["name"] = rendered["name"]
        whole["services"][one.name] = found
        whole["networks"] |= {name: _marked(_network(rendered, name), labels) for name in _networks(found)}
        known = rendered.get("volumes") or {}
        whole["volumes"] |= {
            name: _marked(known[name], labels) for name in _named(found.get("volumes", ())) if name in known
        }
        for kind in ("configs", "secrets"):
            whole[kind] |= rendered.get(kind) or {}
    return _yaml(whole)


def images_of(starts: Sequence[Start]) -> tuple[str, ...]:
    """The images of what is started."""
    every = (one.changes.get("image") or _parsed(one.text, one.name)["services"][one.name]["image"] for one in starts)
    return tuple(str(image) for image in every)


def network_of(text: str, name: str) -> str:
    """The key of a service's first network. Raises Unreadable as `of` does."""
    return _networks(_parsed(text, name)["services"][name])[0]


def _changed(
    service: dict[str, Any], changes: Mapping[str, Any], labels: Mapping[str, str], root: str
) -> dict[str, Any]:
    found = {key: value for key, value in service.items() if key not in ("depends_on", "profiles", "build")}
    for key, value in _doubled({**changes, "labels": {**labels, **changes.get("labels", {})}}).items():
        found[key] = {**_mapping(found.get(key)), **value} if key in MERGED else value
    found["volumes"] = [_absolute(one, root) for one in found.get("volumes") or ()]
    return found


def _absolute(volume: Any, root: str) -> Any:
    source = str(volume.get("source", "")) if isinstance(volume, dict) else ""
    return {**volume, "source": f"{_doubled(root)}/{source[2:]}"} if source.startswith("./") else volume


def _yaml(value: Any) -> bytes:
    """JSON that is YAML too, which has another escape for what JSON writes as a pair of surrogates."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(sign if sign < "\x7f" else f"\\U{ord(sign):08x}" for sign in text).encode()


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        whole = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _unusable(f"renders no YAML: {' '.join(str(error).split())}") from error
    found: dict[str, Any] = whole if isinstance(whole, dict) else {}
    services = found.get("services")
    if not isinstance(services, dict) or not isinstance(services.get(name), dict):
        raise _unusable(f"has no service {name}")
    if not found.get("name"):
        raise _unusable("has no name for the project")
    return found


def _unusable(what: str) -> Unreadable:
    return Unreadable(f"{TEMPLATE} {what}", "correct it, or remove it: the packaged one is used then")


def _network(whole: dict[str, Any], name: str) -> dict[str, Any] | None:
    every = whole.get("networks") or {}
    if name not in every and name != DEFAULT_NETWORK:
        raise _unusable(f"has no network {name}, which a service is in")
    found: dict[str, Any] | None = every.get(name)
    return found


def _networks(found: dict[str, Any]) -> list[str]:
    return list(found.get("networks") or [DEFAULT_NETWORK])


def _marked(value: dict[str, Any] | None, labels: Mapping[str, str]) -> dict[str, Any]:
    found = dict(value or {})
    return {**found, "labels": {**_mapping(found.get("labels")), **_doubled(labels)}}


def _mapping(found: dict[str, Any] | list[str] | None) -> dict[str, Any]:
    """Labels, environment and networks may also be lists, of `KEY=VALUE` or of names: a variable that is only named is
    the caller's own."""
    if isinstance(found, list):
        return {key: value if equals else None for key, equals, value in (one.partition("=") for one in found)}
    return dict(found or {})


def _named(volumes: Sequence[Any]) -> Iterator[str]:
    for one in volumes:
        yield one.split(":")[0] if isinstance(one, str) else str(one.get("source", ""))


def _doubled(value: Any) -> Any:
    """Compose interpolates every text."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _doubled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_doubled(one) for one in value]
    return value

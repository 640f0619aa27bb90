"""From rendered Compose files to the one that starts some services, marked as this project's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class Start:
    """`count` containers of the service `name` of a rendered file, with keys of the service changed: labels and
    environment are merged, others replaced."""

    text: str
    name: str
    changes: Mapping[str, Any]
    count: int = 1


def of(starts: Sequence[Start], labels: Mapping[str, str], root: str) -> bytes:
    """A Compose file (JSON, which is YAML) with these services, and the networks and volumes that they use.

    `labels` go on everything in it. Relative paths are taken from `root`. `$` is doubled already in rendered texts, and
    is doubled here in what is added.
    """
    whole: dict[str, Any] = {"services": {}, "networks": {}, "volumes": {}}
    for one in starts:
        rendered = yaml.safe_load(one.text)
        found = _changed(rendered["services"][one.name], one.changes, labels, root)
        whole["name"] = rendered["name"]
        whole["services"][one.name] = found
        for kind, names in (("networks", found.get("networks", ())), ("volumes", _named(found.get("volumes", ())))):
            known = rendered.get(kind) or {}
            whole[kind].update({name: _marked(known[name], labels) for name in names if name in known})
    return json.dumps(whole).encode()


def images_of(starts: Sequence[Start]) -> tuple[str, ...]:
    """The images of what is started."""
    every = (one.changes.get("image") or yaml.safe_load(one.text)["services"][one.name]["image"] for one in starts)
    return tuple(str(image) for image in every)


def network_of(text: str, name: str) -> str:
    """The key of a service's first network."""
    return str(next(iter(yaml.safe_load(text)["services"][name]["networks"])))


def _changed(
    service: dict[str, Any], changes: Mapping[str, Any], labels: Mapping[str, str], root: str
) -> dict[str, Any]:
    found = {key: value for key, value in service.items() if key not in ("depends_on", "profiles", "build")}
    for key, value in _doubled({**changes, "labels": {**labels, **changes.get("labels", {})}}).items():
        found[key] = {**_mapping(found.get(key)), **value} if key in ("labels", "environment") else value
    found["volumes"] = [_absolute(one, root) for one in found.get("volumes", ())]
    return found


def _absolute(volume: Any, root: str) -> Any:
    source = str(volume.get("source", "")) if isinstance(volume, dict) else ""
    return {**volume, "source": f"{_doubled(root)}/{source[2:]}"} if source.startswith("./") else volume


def _marked(value: dict[str, Any] | None, labels: Mapping[str, str]) -> dict[str, Any]:
    found = dict(value or {})
    return {**found, "labels": {**_mapping(found.get("labels")), **_doubled(labels)}}


def _mapping(found: dict[str, Any] | list[str] | None) -> dict[str, Any]:
    """Labels and environment may also be lists of `KEY=VALUE`, in a project's own template."""
    if isinstance(found, list):
        return dict(one.partition("=")[::2] for one in found)
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

"""From the rendered Compose file to the one that starts a single service, marked as this project's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml


def service(text: str, name: str, labels: Mapping[str, str], changes: Mapping[str, Any], root: str) -> bytes:
    """A Compose file (JSON, which is YAML) with that one service of `text`, and the networks and volumes it uses.

    `labels` go on everything in it, `changes` replace keys of the service; labels and environment in them are merged.
    Relative paths are taken from `root`. `$` must be doubled already in `text`, and is doubled here in what is added.
    """
    whole = yaml.safe_load(text)
    found = whole["services"][name]
    for gone in ("depends_on", "profiles", "build"):
        found.pop(gone, None)
    for key, value in _doubled({**changes, "labels": {**labels, **changes.get("labels", {})}}).items():
        found[key] = {**_mapping(found.get(key)), **value} if key in ("labels", "environment") else value
    for one in found.get("volumes", []):
        if isinstance(one, dict) and str(one.get("source", "")).startswith("./"):
            one["source"] = f"{root.replace('$', '$$')}/{one['source'][2:]}"
    return json.dumps(
        {
            "name": whole["name"],
            "services": {name: found},
            "networks": {one: _marked(whole["networks"][one], labels) for one in _names(found.get("networks", []))},
            "volumes": {
                one: _marked(whole["volumes"][one], labels)
                for one in _volumes(found.get("volumes", []))
                if one in whole.get("volumes", {})
            },
        }
    ).encode()


def image_of(text: str, name: str) -> str:
    """The image of a service."""
    return str(yaml.safe_load(text)["services"][name]["image"]).replace("$$", "$")


def network_of(text: str, name: str) -> str:
    """The key of a service's first network."""
    return next(iter(_names(yaml.safe_load(text)["services"][name]["networks"])))


def _marked(value: dict[str, Any] | None, labels: Mapping[str, str]) -> dict[str, Any]:
    found = dict(value or {})
    return {**found, "labels": {**_mapping(found.get("labels")), **_doubled(dict(labels))}}


def _mapping(found: dict[str, Any] | list[str] | None) -> dict[str, Any]:
    """Labels and environment may also be lists of `KEY=VALUE`, in a project's own template."""
    if isinstance(found, list):
        return dict(one.partition("=")[::2] for one in found)
    return dict(found or {})


def _names(value: list[str] | dict[str, Any]) -> list[str]:
    return list(value)


def _volumes(found: list[Any]) -> list[str]:
    sources = [one.split(":")[0] if isinstance(one, str) else str(one.get("source", "")) for one in found]
    return [one for one in sources if one and not one.startswith((".", "/"))]


def _doubled(value: Any) -> Any:
    """Compose interpolates every text."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _doubled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_doubled(one) for one in value]
    return value

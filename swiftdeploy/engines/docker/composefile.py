"""From the rendered Compose file to the one that starts a single service, marked as this project's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from swiftdeploy.model.errors import Unreadable

TEMPLATE = "templates/docker-compose.yml.tmpl"
MERGED = ("labels", "environment", "networks")
DEFAULT_NETWORK = "default"  # where Compose puts a service that names none


def service(text: str, name: str, labels: Mapping[str, str], changes: Mapping[str, Any], root: str) -> bytes:
    """A Compose file (JSON, which is YAML) with that one service of `text`, and the networks and volumes it uses.

    `labels` go on everything in it, `changes` replace keys of the service; labels, environment and networks in them are
    merged. Relative paths are taken from `root`. `$` must be doubled already in `text`, and is doubled here in what is
    added. Raises Unreadable when the text, which a project's own template may give, is no such file.
    """
    whole = _parsed(text, name)
    found = whole["services"][name]
    for gone in ("depends_on", "profiles", "build"):
        found.pop(gone, None)
    for key, value in _doubled({**changes, "labels": {**labels, **changes.get("labels", {})}}).items():
        found[key] = {**_mapping(found.get(key)), **value} if key in MERGED else value
    for one in found.get("volumes", []):
        if isinstance(one, dict) and str(one.get("source", "")).startswith("./"):
            one["source"] = f"{root.replace('$', '$$')}/{one['source'][2:]}"
    return _yaml(
        {
            "name": whole["name"],
            "services": {name: found},
            "networks": {one: _marked(_network(whole, one), labels) for one in _networks(found)},
            "volumes": {
                one: _marked(whole["volumes"][one], labels)
                for one in _volumes(found.get("volumes", []))
                if one in (whole.get("volumes") or {})
            },
            **{key: whole[key] for key in ("configs", "secrets") if whole.get(key)},
        }
    )


def network_of(text: str, name: str) -> str:
    """The key of a service's first network. Raises Unreadable as `service` does."""
    return _networks(_parsed(text, name)["services"][name])[0]


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
    return every.get(name)


def _networks(found: dict[str, Any]) -> list[str]:
    return list(found.get("networks") or [DEFAULT_NETWORK])


def _marked(value: dict[str, Any] | None, labels: Mapping[str, str]) -> dict[str, Any]:
    found = dict(value or {})
    return {**found, "labels": {**_mapping(found.get("labels")), **_doubled(dict(labels))}}


def _mapping(found: dict[str, Any] | list[str] | None) -> dict[str, Any]:
    """Labels, environment and networks may also be lists, of `KEY=VALUE` or of names: a variable that is only named is
    the caller's own."""
    if isinstance(found, list):
        return {key: value if equals else None for key, equals, value in (one.partition("=") for one in found)}
    return dict(found or {})


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

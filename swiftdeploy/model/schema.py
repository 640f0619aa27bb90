"""The manifest explained from its own model: a JSON Schema, one key in words, and the table of all keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel

from swiftdeploy.model import nearest
from swiftdeploy.model.errors import Unreadable
from swiftdeploy.model.kinds import Default, Schema
from swiftdeploy.model.manifest import (
    Canary,
    Manifest,
    Metrics,
    Network,
    Nginx,
    Opa,
    Policy,
    Probe,
    Resources,
    Services,
)

Tree: TypeAlias = dict[str, Any]

_MODELS: tuple[type[BaseModel], ...] = (
    Manifest, Services, Metrics, Resources, Nginx, Opa, Policy, Network, Canary, Probe,
)  # fmt: skip
_TITLE = "SwiftDeploy manifest"
_TYPE_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
}


def json_schema() -> Tree:
    """The manifest as JSON Schema 2020-12, keys as in YAML. `$comment` says in words what a value may be."""
    tree = Manifest.model_json_schema(by_alias=True)
    for model in _MODELS:
        place = tree if model is Manifest else tree["$defs"][model.__name__]
        for name, info in model.model_fields.items():
            worded = any(isinstance(one, Default) for one in info.metadata)
            key = info.alias or name
            described = {"description": info.description}  # pydantic leaves it out where the section has the same
            place["properties"][key] = _tidy({**place["properties"][key], **described}, worded)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **tree, "title": _TITLE}


def _tidy(key: Schema, worded: bool) -> Tree:
    """A key without null (an empty value is an error), and without a default that the reader computes."""
    tidy = {name: value for name, value in key.items() if name != "title"}
    given = [one for one in tidy.get("anyOf", ()) if one != {"type": "null"}]
    if len(given) == 1:
        tidy = {**given[0], **{name: value for name, value in tidy.items() if name != "anyOf"}}
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    if worded or "$ref" in tidy or tidy.get("default", ...) is None:
        tidy.pop("default", None)
    elif _is_time(tidy):
        tidy["default"] = f"{tidy['default']:g}s"
    elif isinstance(tidy.get("default"), dict):
        tidy["default"] = {name: value for name, value in tidy["default"].items() if value is not None}
    return tidy


def _is_time(key: Schema) -> bool:
    return str(key.get("$comment", "")).startswith("a time ") and "default" in key


@dataclass(frozen=True)
class Key:
    """One key of the manifest in words. A section that only holds its keys has no example."""

    name: str
    meaning: str
    type: str
    allowed: str
    default: str
    example: str


def keys() -> tuple[Key, ...]:
    """All keys, in the order of the manifest, sections before their keys."""
    tree = json_schema()
    return tuple(_walk(tree, tree, (), _worded()))


def explain(key: str = "") -> str:
    """What a dotted key means; of a section also its keys; of nothing all keys. Raises Unreadable at an unknown one."""
    known = keys()
    if not key:
        return "\n".join(_line(one) for one in known if one.example)
    found = next((one for one in known if one.name == key), None)
    if found is None:
        near = nearest.nearest(key, [one.name for one in known])
        raise Unreadable(
            f"{key!a} is no key of the manifest" + (f"; did you mean {near!r}?" if near else ""),
            "`swiftdeploy explain` lists them all",
        )
    inner = [one for one in known if one.name.startswith(f"{key}.")]
    rows = (("type", found.type), ("allowed", found.allowed), ("default", found.default), ("example", found.example))
    said = [f"{name:<8} {value}" for name, value in rows if value]
    listed = ["", "keys:", *(f"  {_line(one)}" for one in inner)] if inner else []
    return "\n".join([key, f"  {found.meaning}", *(f"  {one}" for one in said), *listed])


def table() -> str:
    """The keys as a Markdown table."""
    rows = (f"| `{one.name}` | {_cell(one)} | {one.meaning} |" for one in keys() if one.example)
    return "\n".join(("| key | default | meaning |", "|---|---|---|", *rows)) + "\n"


def _line(key: Key) -> str:
    return f"{key.name:<30} {key.meaning}"


def _cell(key: Key) -> str:
    plain = key.default in ("", "required", "none") or (" " in key.default and key.default[0] not in "[{")
    return key.default if plain else f"`{key.default}`"


def _worded() -> Mapping[tuple[str, str], str]:
    return {
        (_TITLE if model is Manifest else model.__name__, info.alias or name): one.words
        for model in _MODELS
        for name, info in model.model_fields.items()
        for one in info.metadata
        if isinstance(one, Default)
    }


def _walk(tree: Tree, section: Schema, path: tuple[str, ...], worded: Mapping[tuple[str, str], str]) -> Iterator[Key]:
    model = str(section.get("title"))
    for name, key in section["properties"].items():
        inner = _section(tree, key)
        default = worded.get((model, name), "") or _default(key, inner, name in section.get("required", ()))
        allowed, example = _allowed(key, inner), f"{name}: {_shown(key['examples'][0])}" if "examples" in key else ""
        dotted, meaning = ".".join((*path, name)), str(key["description"])
        yield Key(dotted, meaning, _type(key), allowed, default, example)
        if inner is not None:
            yield from _walk(tree, inner, (*path, name), worded)


def _section(tree: Tree, key: Schema) -> Schema | None:
    reference = next((one["$ref"] for one in (key, *key.get("anyOf", ())) if "$ref" in one), None)
    return None if reference is None else tree["$defs"][reference.rpartition("/")[2]]


def _default(key: Schema, inner: Schema | None, required: bool) -> str:
    if required:
        return "required"
    if "default" in key:
        return _shown(key["default"])
    if inner is None:
        return "none"
    return "{}" if "examples" in key else ""


def _allowed(key: Schema, inner: Schema | None) -> str:
    if inner is not None:
        return "the keys below" + (", or the word off" if "anyOf" in key else "")
    items = key.get("items") or next(iter(key.get("patternProperties", {}).values()), None)
    return str(key.get("$comment") or (f"each {items['$comment']}" if items else ""))


def _type(key: Schema) -> str:
    if "$ref" in key:
        return "mapping"
    if "anyOf" in key:
        return " or ".join(dict.fromkeys(_type(one) for one in key["anyOf"]))
    return "text" if "const" in key else _TYPE_WORDS[key["type"]]


def _shown(value: Any) -> str:
    """A value as a user would write it in YAML: words bare, texts that would be something else in quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_shown(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(one) for one in value) + "]"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and value and value[0] not in "{[0123456789" and not set(value) & set("'\"#,"):
        return value
    return value if _is_duration(value) else json.dumps(value)


def _is_duration(value: Any) -> bool:
    return isinstance(value, str) and value[:-1].isdigit() and value[-1] in "smh"

"""What is wrong with a manifest, in a user's words: at its place in the text, with the value as it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from swiftdeploy.model import nearest, scalars
from swiftdeploy.model.errors import Finding
from swiftdeploy.model.yamldocument import Document, Path
from swiftdeploy.model.yamlscalars import Plain

MOST_FINDINGS = 100


def prepared(document: Document) -> Plain:
    """The data for the model: numbers, true and false in `services.env` become text, as they were written."""
    data = document.data
    if not isinstance(data, dict):
        return data
    services = data.get("services")
    env = services.get("env") if isinstance(services, dict) else None
    if not isinstance(services, dict) or not isinstance(env, dict):
        return data
    written: dict[str, Plain] = {name: _as_written(document, name, value) for name, value in env.items()}
    return {**data, "services": {**services, "env": written}}


def _as_written(document: Document, name: str, value: Plain) -> Plain:
    if isinstance(value, bool):
        return "true" if value else "false"
    return document.raw(("services", "env", name)) if isinstance(value, int | float) else value


def findings(document: Document, errors: Iterable[ErrorDetails], model: type[BaseModel]) -> tuple[Finding, ...]:
    """Everything that is wrong, in the order of the text: what the reader found, what the model found, and keys
    that clash with each other. A place that already has a finding gets no second one."""
    empty = tuple(_empty(document))
    known = {*document.spoiled, *empty}
    found = [document.finding(path, "is empty", "give it a value, or remove the key", at="key") for path in empty]
    wrong: list[Path] = []
    for error in errors:
        path = _path(error["loc"])
        if not any(path[: len(one)] == one for one in known):
            wrong.append(path)
            found.append(_finding(document, error, path, model))
    found += _clashes(document, known | set(wrong))
    ordered = sorted((*document.findings, *found), key=lambda one: (one.line, one.column))
    if len(ordered) <= MOST_FINDINGS:
        return tuple(ordered)
    more = Finding(document.file, 0, 0, "", f"{len(ordered) - MOST_FINDINGS} more findings are not shown")
    return (*ordered[:MOST_FINDINGS], more)


def _path(loc: tuple[int | str, ...]) -> Path:
    # pydantic marks an error in a mapping's key as (..., key, "[key]")
    return tuple(one for one in loc if one != "[key]")


def _empty(document: Document) -> Iterator[Path]:
    todo: list[tuple[Path, Plain]] = [((), document.data)]
    while todo:
        path, value = todo.pop()
        if value is None and path and path not in document.spoiled:
            yield path
        elif isinstance(value, dict):
            todo += [((*path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            todo += [((*path, at), inner) for at, inner in enumerate(value)]


def _finding(document: Document, error: ErrorDetails, path: Path, model: type[BaseModel]) -> Finding:
    kind = error["type"]
    if kind == "missing":
        return document.finding(path, "is missing", _missing_hint(model, path), at="key")
    if kind == "extra_forbidden":
        return document.finding(path, "is not a key of the manifest", _unknown_hint(model, path), at="key")
    if kind in ("model_type", "model_attributes_type"):
        what = f"must be a mapping of keys to values, not {scalars.kind(_value(document, path))}"
        return document.finding(path, what, f"its keys: {', '.join(_keys(model, path))}")
    reason = error.get("ctx", {}).get("error")
    if isinstance(reason, scalars.Wrong):
        at_key = "[key]" in error["loc"]
        hint = reason.hint or _type_hint(document, path, reason.wants)
        return document.finding(path, reason.what, hint, at="key" if at_key else "value")
    return document.finding(path, error["msg"])


def _type_hint(document: Document, path: Path, wants: str) -> str:
    value = _value(document, path)
    if wants == "text" and isinstance(value, bool | int | float):
        raw = document.raw(path)
        return f'YAML read {raw} as {scalars.kind(value)}; write "{raw}"'
    if wants == "number" and isinstance(value, str) and _is_number(value):
        return f"YAML read {document.raw(path)} as text; write {value}"
    return ""


def _is_number(text: str) -> bool:
    return text.isascii() and len(text) <= 20 and text.replace(".", "", 1).isdigit()


def _value(document: Document, path: Path) -> Plain:
    value: Any = document.data
    for one in path:
        value = value[one]
    return value  # type: ignore[no-any-return]


def _missing_hint(model: type[BaseModel], path: Path) -> str:
    *above, name = path
    field = _fields(model, tuple(above)).get(str(name))
    example = field.examples[0] if field is not None and field.examples else None
    return f"for example {name}: {example}" if example is not None else ""


def _unknown_hint(model: type[BaseModel], path: Path) -> str:
    *above, name = path
    known = _keys(model, tuple(above))
    return nearest.hint(str(name), known) or f"known here: {', '.join(known)}"


def _keys(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    return tuple(_fields(model, path))


def _fields(model: type[BaseModel], path: Path) -> Mapping[str, Any]:
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    if not path:
        return fields
    section = fields[str(path[0])].annotation
    inner = next(one for one in (section, *getattr(section, "__args__", ())) if _is_model(one))
    return _fields(inner, path[1:])


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


_PUBLISHED: tuple[Path, ...] = (("nginx", "port"), ("nginx", "admin_port"), ("opa", "port"))


def _clashes(document: Document, wrong: set[Path]) -> Iterator[Finding]:
    """Ports on the host that are the same, however the keys themselves are given or left out."""
    ports: dict[int, Path] = {}
    for path in _PUBLISHED:
        if any(path[: len(one)] == one for one in wrong):
            continue
        port = _given(document, path)
        if port is None:
            continue
        if port > 65_535:
            what = "has no port above it that admin_port could be"
            yield document.finding(("nginx", "port"), what, "give nginx.admin_port")
        elif port in ports:
            yield _clash(document, path, ports[port], port)
        ports.setdefault(port, path)


def _given(document: Document, path: Path) -> int | None:
    section = document.data.get(str(path[0]), {}) if isinstance(document.data, dict) else None
    if not isinstance(section, dict):
        return None
    return _port(section.get(str(path[1]))) if path[1] in section else _default_port(path, section)


def _default_port(path: Path, section: Mapping[str, Plain]) -> int | None:
    if path == ("nginx", "admin_port"):
        public = _port(section.get("port"))
        return None if public is None else public + 1
    return 8181 if path == ("opa", "port") else None


def _port(value: Plain) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _clash(document: Document, path: Path, other: Path, port: int) -> Finding:
    def said(one: Path) -> str:
        return ".".join(map(str, one)) + ("" if one in document.places else " (its default)")

    if path not in document.places and other in document.places:
        path, other = other, path
    if path not in document.places:
        what = f"makes {said(other)} the same as {said(path)}, {port}"
        return document.finding(("nginx", "port"), what, f"give {'.'.join(map(str, other))}")
    return document.finding(path, f"is {port}, the same as {said(other)}", "each needs a port of its own")

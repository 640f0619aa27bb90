"""The types of manifest keys for pydantic: a check from `scalars`, its JSON Schema, and in words what passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, SecretStr
from pydantic_core import CoreSchema, core_schema

from swiftdeploy.model import nearest, scalars
from swiftdeploy.model.scalars import Wrong
from swiftdeploy.model.state import EngineName, Track

Schema: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Kind:
    """What a scalar must be. `allowed` says it in words; it stands in the JSON Schema as `$comment`."""

    check: Callable[[object], object]
    allowed: str
    schema: Schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**self.schema, "$comment": self.allowed}


@dataclass(frozen=True)
class Default:
    """A default in words, of a key whose default is no constant."""

    words: str


def _texts(most: int) -> Kind:
    schema = {"type": "string", "minLength": 1, "maxLength": most}
    return Kind(lambda value: scalars.text(value, most), f"printable text of at most {most} characters", schema)


def _whole(least: int, most: int) -> Kind:
    schema = {"type": "integer", "minimum": least, "maximum": most}
    check = lambda value: scalars.whole_number(value, least, most)  # noqa: E731
    return Kind(check, f"a whole number from {least} to {most}", schema)


def _above_zero(most: float) -> Kind:
    schema = {"type": "number", "exclusiveMinimum": 0, "maximum": most}
    return Kind(lambda value: scalars.positive(value, most), f"a number above 0 and at most {most:g}", schema)


def _word(check: Callable[[object], str], allowed: str, pattern: str = "") -> Kind:
    return Kind(check, allowed, {"type": "string", **({"pattern": pattern} if pattern else {})})


def _one_of(*words: str) -> Kind:
    said = f"{', '.join(words[:-1])} or {words[-1]}"

    def check(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        hint = nearest.hint(value, words) if isinstance(value, str) else ""
        raise Wrong(f"must be {said}, not {scalars.shown(value)}", hint)

    return Kind(check, said, {"type": "string", "enum": list(words)})


Image = Annotated[str, _word(scalars.image, "an image such as nginx:1.28", scalars.IMAGE_PATTERN)]
Port = Annotated[int, _whole(1, 65_535)]
Text = Annotated[str, _texts(1024)]
VersionText = Annotated[str, _texts(128)]
Contact = Annotated[str, _texts(200)]
_NAME_WORDS = "2 to 128 letters, digits, '_', '.' or '-', the first one a letter or digit"
Name = Annotated[str, _word(scalars.name, _NAME_WORDS, scalars.NAME_PATTERN)]
NetworkName = Annotated[str, _word(scalars.network_name, _NAME_WORDS, scalars.NAME_PATTERN)]
NetworkDriver = Annotated[
    str, _word(scalars.network_driver, "bridge, or another driver of Docker", scalars.NAME_PATTERN)
]
RestartPolicy = Annotated[
    str,
    _word(scalars.restart_policy, "no, always, on-failure, on-failure:N or unless-stopped", scalars.RESTART_PATTERN),
]
SeriesName = Annotated[
    str, _word(scalars.series_name, "letters, digits, '_' and ':', not a digit first", scalars.SERIES_NAME_PATTERN)
]
LabelName = Annotated[
    str, _word(scalars.label_name, "letters, digits and '_', not a digit first", scalars.ENV_NAME_PATTERN)
]
RequestPath = Annotated[str, _word(scalars.request_path, "a path that starts with '/'", scalars.REQUEST_PATH_PATTERN)]
PrivatePath = Annotated[
    str, _word(scalars.private_path, "a path that starts with '/', without query", scalars.REQUEST_PATH_PATTERN)
]
ExcludedPath = Annotated[
    str,
    _word(
        scalars.excluded_path,
        "a path that starts with '/', without query, or its beginning and '*'",
        scalars.REQUEST_PATH_PATTERN,
    ),
]
IpAddress = Annotated[str, _word(scalars.ip_address, "an IP address such as 127.0.0.1 or ::")]
Folder = Annotated[str, _word(scalars.folder, "a folder inside the project", scalars.FOLDER_PATTERN)]
Package = Annotated[str, _word(scalars.package, "a Rego package such as main or team.canary", scalars.PACKAGE_PATTERN)]
Memory = Annotated[str, _word(scalars.memory, "an amount such as 256m or 1g, at least 6m", scalars.MEMORY_PATTERN)]
Cpus = Annotated[float, _above_zero(1024)]
Seconds = Annotated[
    float,
    Kind(
        scalars.duration_seconds,
        "a time such as 30 (seconds), 30s, 500ms or 2m, from 1ms to 24h",
        {
            "anyOf": [
                {"type": "number", "minimum": 0.001, "maximum": scalars.MAX_DURATION_SECONDS},
                {"type": "string", "pattern": scalars.DURATION_PATTERN},
            ]
        },
    ),
]
Percent = Annotated[int, _whole(1, 100)]
Requests = Annotated[int, _whole(1, 10_000)]
RequestRate = Annotated[float, _above_zero(1000)]
TrackName = Annotated[Track, _one_of("stable", "canary")]
Engine = Annotated[EngineName, _one_of("local", "docker")]
OnUnavailable = Annotated[Literal["embedded", "allow", "deny"], _one_of("embedded", "allow", "deny")]

# The environment that every instance gets from SwiftDeploy: a manifest cannot set it.
RESERVED_ENV: Mapping[str, str] = {
    "MODE": "from services.mode",
    "APP_VERSION": "from services.version",
    "APP_PORT": "as each instance has its own port",
    "APP_HOST": "as the engine chooses where an instance listens",
}


def _env_name(value: object) -> str:
    given = scalars.env_name(value)
    if given in RESERVED_ENV:
        raise Wrong(f"is set by SwiftDeploy itself, {RESERVED_ENV[given]}", "remove it here")
    return given


def _env_value(value: object) -> SecretStr:
    return SecretStr(scalars.without_nul(value))


EnvName = Annotated[
    str,
    Kind(
        _env_name,
        "letters, digits and '_', not a digit first",
        {"type": "string", "pattern": scalars.ENV_NAME_PATTERN, "not": {"enum": list(RESERVED_ENV)}},
    ),
]
EnvValue = Annotated[
    SecretStr, Kind(_env_value, "text, a number, true or false", {"type": ["string", "number", "boolean"]})
]
Argument = Annotated[
    str,
    Kind(
        scalars.argument,
        "text; {port}, {python}, {instance} and {state} are filled in",
        {"type": "string", "minLength": 1},
    ),
]


def _listed(value: object) -> object:
    if not isinstance(value, list):
        raise Wrong(f"must be a list, not {scalars.kind(value)}")
    return tuple(value)  # what a strict model takes


def _mapped(value: object) -> object:
    if not isinstance(value, dict):
        raise Wrong(f"must be a mapping of names to values, not {scalars.kind(value)}")
    return value


AsList = BeforeValidator(_listed)
AsMapping = BeforeValidator(_mapped)


def filled(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """A list with something in it."""
    if not value:
        raise Wrong("must not be an empty list")
    return value


def one_to_twenty(value: tuple[str, ...]) -> tuple[str, ...]:
    """A list that a probe can go through."""
    if not 1 <= len(value) <= 20:
        raise Wrong(f"must list 1 to 20 paths, not {len(value)}")
    return value


def ascending(value: tuple[int, ...]) -> tuple[int, ...]:
    """Steps that only go up."""
    if any(after <= before for before, after in pairwise(value)):
        raise Wrong("must ascend, each step greater than the one before")
    return value


def all_different(value: tuple[str, ...]) -> tuple[str, ...]:
    """A list that names nothing twice."""
    twice = next((one for one in value if value.count(one) > 1), None)
    if twice is not None:
        raise Wrong(f"has {twice} twice")
    return value


@dataclass(frozen=True)
class OffInSchema:
    """Shows None in the JSON Schema as what stands for it in YAML, the word off."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shown = handler(core)
        return {**shown, "anyOf": [{"const": "off"} if one == {"type": "null"} else one for one in shown["anyOf"]]}


def probe_or_off(value: object) -> object:
    """The word `off` as None; a mapping goes on to its model."""
    if value == "off":
        return None
    if not isinstance(value, dict):
        raise Wrong("must be the word off, or a mapping of path or paths, requests and rps")
    return value

"""Plain data to validated records, with what is wrong in words a scenario's author understands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from swiftdeploy.model import nearest, scalars
from swiftdeploy.model.decision import Json
from swiftdeploy.model.yamldocument import At, path_text
from swiftdeploy.scenario.match import show
from swiftdeploy.scenario.values import Path

Record = TypeVar("Record", bound=BaseModel)


@dataclass(frozen=True)
class Problem:
    """One thing wrong at a path below the decoded value."""

    path: Path
    what: str
    hint: str = ""
    at: At = "value"

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {self.what}" if self.path else self.what


class Undecodable(ValueError):
    """The data does not fit the record; all problems at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def decoded(record: type[Record], value: Json) -> Record:
    """The validated record; raises Undecodable."""
    try:
        return record.model_validate(value)
    except ValidationError as error:
        raise Undecodable(tuple(_problem(one, record) for one in error.errors(include_url=False))) from None


def field_names(record: type[BaseModel]) -> tuple[str, ...]:
    """The fields as YAML spells them."""
    return tuple(field.alias or name for name, field in record.model_fields.items())


def _problem(error: ErrorDetails, record: type[BaseModel]) -> Problem:
    path: Path = tuple(error["loc"])
    match error["type"]:
        case "extra_forbidden":
            known = field_names(_record_at(record, path[:-1]))
            hint = nearest.hint(str(path[-1]), known)
            return Problem(path, f"is unknown here; known: {', '.join(known)}", hint, "key")
        case "too_short":
            return Problem(path, "must not be empty")
        case "missing":
            return Problem(path[:-1], f"{path[-1]} is missing", at="key")
        case "value_error":
            reason = error["ctx"]["error"]
            return Problem(path, str(reason), reason.hint if isinstance(reason, scalars.Wrong) else "")
        case "literal_error":
            expected = error["ctx"]["expected"]
            hint = nearest.hint(str(error["input"]), re.findall(r"'([^']*)'", expected))
            return Problem(path, f"must be {expected}, not {show(error['input'], 40)}", hint)
        case _:
            return Problem(path, _in_words(error))


def _in_words(error: ErrorDetails) -> str:
    message = error["msg"]
    for theirs, ours in _OURS:
        message = message.replace(theirs, ours)
    if error["type"] in ("model_type", "model_attributes_type"):
        message = "must be a mapping"
    given = error["input"]
    return f"{message[:1].lower()}{message[1:]}, not {scalars.kind(given) if _is_box(given) else show(given, 40)}"


_OURS = (
    ("Input should be", "must be"),
    ("a valid dictionary", "a mapping"),
    ("a valid string", "text"),
    ("a valid integer", "a whole number"),
    ("a valid ", "a "),
    ("a tuple", "a list"),
)  # pydantic's words to ours


def _is_box(value: Any) -> bool:
    return isinstance(value, Mapping | list)


def _record_at(record: type[BaseModel], path: Path) -> type[BaseModel]:
    """The record that a path leads to, through fields that hold one (or an optional one) directly."""
    for part in path:
        for name, field in record.model_fields.items():
            if (field.alias or name) == part:
                inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
                record = next((one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)), record)
    return record

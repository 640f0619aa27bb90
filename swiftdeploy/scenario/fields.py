"""Kinds of value that steps and scenarios share: durations, bounds, texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from swiftdeploy.model import scalars
from swiftdeploy.model.decision import Json

STRICT = ConfigDict(strict=True, extra="forbid", frozen=True)
NAME = r"^[A-Za-z_][A-Za-z0-9_-]*$"

Name = Annotated[str, Field(pattern=NAME, max_length=100)]
Words = Annotated[tuple[str, ...], Field(strict=False)]  # YAML has lists where we keep tuples
Seconds = Annotated[float, BeforeValidator(scalars.duration_seconds)]  # `30`, `30s`, `500ms`, `2m`
UrlPath = Annotated[str, BeforeValidator(scalars.request_path)]


class Bounds(BaseModel):
    """`{min, max}` of a number, both ends included; a plain number is both."""

    model_config = STRICT
    min: float | None = None
    max: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _number_is_both(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"min": value, "max": value}
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> Bounds:
        ends = [end for end in (self.min, self.max) if end is not None]
        if not ends:
            raise ValueError("give min, max or both")
        if any(not math.isfinite(end) for end in ends) or ends[0] > ends[-1]:
            raise ValueError(f"no number is {self}")
        return self

    def hold(self, number: float) -> bool:
        """Whether the number lies within."""
        return (self.min is None or number >= self.min) and (self.max is None or number <= self.max)

    def __str__(self) -> str:
        if self.min == self.max:
            return f"exactly {self.min:g}"
        ends = [f"at least {self.min:g}"] if self.min is not None else []
        return " and ".join(ends + ([f"at most {self.max:g}"] if self.max is not None else []))


def is_bounds(value: Json) -> bool:
    """Whether a mapping in free JSON is meant as `{min, max}`."""
    return isinstance(value, Mapping) and bool(value) and set(value) <= {"min", "max"}


def no_list(value: Any) -> Any:
    """One item where a list is expected stands for a list of one."""
    return value if isinstance(value, list) else [value]


Several = Annotated[tuple[str, ...], Field(strict=False), BeforeValidator(no_list)]

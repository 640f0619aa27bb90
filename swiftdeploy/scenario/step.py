"""A step of a scenario as it is written, what a verb declares about itself, and what came of running one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from swiftdeploy.model.decision import Json

if TYPE_CHECKING:
    from pydantic import BaseModel

    from swiftdeploy.scenario.scene import Scene


@dataclass(frozen=True)
class Step:
    """One verb in a scenario. `asks` and `expects` are its fields as plain data, in which only `${captured}` names are
    left to fill. `number` counts from 1 within its list. `place` is `file:line` for people."""

    verb: str
    number: int
    always: bool
    place: str
    asks: Json
    expects: Json = None
    name: str = ""
    when: Mapping[str, str] = field(default_factory=dict)
    within_seconds: float | None = None
    timeout_seconds: float | None = None
    capture: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """How messages name it: ``step 4 `promote` ``."""
        which = "always step" if self.always else "step"
        return f"{which} {self.number} `{self.verb}`" + (f" ({self.name})" if self.name else "")


@dataclass(frozen=True)
class Outcome:
    """What a verb says of its own run. `expected` and `got` are clauses of one sentence, used when it is not `ok`.
    `data` is what `capture` can reach into; `guilty` names whose log may tell why: an instance, `proxy` or `judge`."""

    ok: bool
    expected: str = ""
    got: str = ""
    data: Json = None
    guilty: str = ""


@dataclass(frozen=True)
class StepResult:
    """A step that was played."""

    step: Step
    result: Literal["passed", "failed", "skipped"]
    seconds: float
    expected: str = ""
    got: str = ""
    guilty: str = ""

    @property
    def sentence(self) -> str:
        """`scenarios/a.yaml:12: step 4 `promote`: expected exit 0, got exit 10 (...)`."""
        return f"{self.step.place}: {self.step.title}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True)
class Kind:
    """What a file in `steps/` declares as `STEP`: its fields, what `expect` may hold, and how it runs.

    `run(fields, expect, scene)` gets validated records (`expect` is None when the step has none). `lone` names the
    field that a value which is no mapping stands for (`wait: 2s`); `whole` names the field that takes the entire value.
    `changes`: it may change a track's release, weight or chaos, so metrics count anew afterwards.
    """

    fields: type[BaseModel]
    run: Callable[[Any, Any, Scene], Outcome]
    expect: type[BaseModel] | None = None
    lone: str = ""
    whole: str = ""
    changes: bool = False

    def wrapped(self, asks: Json) -> tuple[Json, str]:
        """The value as a mapping of fields, and the field that was put around it (empty when none was)."""
        if self.whole:
            return {self.whole: asks}, self.whole
        if asks is None:
            return {}, ""
        if self.lone and not isinstance(asks, dict):
            return {self.lone: asks}, self.lone
        return asks, ""

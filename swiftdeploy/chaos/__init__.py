"""One fault a file. Each module has ABOUT (one line), TARGETS, OPTIONS (name to lowest and highest value) and
`inject(target, options, state, world)`. The folder is the registry."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Literal, Protocol, cast

from swiftdeploy.flow.world import World
from swiftdeploy.model.decision import Json
from swiftdeploy.model.state import State

Target = Literal["stable", "canary", "judge"]


class Fault(Protocol):
    """What a module in this folder offers."""

    ABOUT: str
    TARGETS: tuple[Target, ...]
    OPTIONS: Mapping[str, tuple[float, float]]

    def inject(self, target: Target, options: Mapping[str, Json], state: State, world: World) -> None: ...


def names() -> tuple[str, ...]:
    """All faults, by name."""
    return tuple(sorted(one.name for one in pkgutil.iter_modules(__path__)))


def fault(name: str) -> Fault:
    """The fault of that name; `name` must be one of `names()`."""
    return cast(Fault, import_module(f"{__name__}.{name}"))

"""The host facts that a scenario's gates see: a healthy machine, whatever this one is, or the real one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from swiftdeploy.flow.world import Host
from swiftdeploy.model import nearest, policy, scalars
from swiftdeploy.model.decision import Json

# Verdicts must not depend on the load, disk or cores of the machine that runs the scenarios.
HEALTHY: Mapping[str, Json] = {
    name: fact for name, fact in policy.HEALTHY["infrastructure"].items() if name != "simulated"
}
Wanted = Mapping[str, Json] | Literal["real"]


class HostFacts:
    """A Host whose facts the steps of a scenario set. `simulated: true` marks those that were not measured."""

    def __init__(self, real: Host, wanted: Wanted) -> None:
        self._real = real
        self._wanted = wanted

    def use(self, wanted: Wanted) -> None:
        """From here on: the healthy baseline with these facts over it, or this machine's own (`real`)."""
        self._wanted = wanted

    def facts(self) -> Mapping[str, Json]:
        if isinstance(self._wanted, str):
            return self._real.facts()
        return {**HEALTHY, **self._wanted, "simulated": True}


def checked(value: object) -> Wanted:
    """The facts that a scenario may set, any JSON as a value (policy must cope); raises Wrong for another name."""
    if value == "real":
        return "real"
    if not isinstance(value, dict):
        raise scalars.Wrong(f"must be the word real or a mapping of facts, not {scalars.kind(value)}")
    for name in value:
        if name not in HEALTHY:
            known = ", ".join(HEALTHY)
            raise scalars.Wrong(f"there is no host fact {name!r}; known: {known}", nearest.hint(name, HEALTHY))
    return value

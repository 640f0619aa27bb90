"""chaos: hurt the canary (or, in scenarios, stable and the judge) on purpose."""

from __future__ import annotations

from collections.abc import Mapping

from swiftdeploy import chaos as faults
from swiftdeploy.chaos import Target
from swiftdeploy.flow.world import World
from swiftdeploy.model import errors, journal
from swiftdeploy.model.decision import Json
from swiftdeploy.model.event import ChaosSet
from swiftdeploy.model.state import State


def chaos(world: World, fault: str, options: Mapping[str, Json], target: Target = "canary") -> None:
    """Inject one fault and record it. Raises Unreadable for what no fault takes, NotPossible without a target."""
    check(fault, options, target)
    last = journal.committed(world.journal.changes())
    faults.fault(fault).inject(target, options, last.state if last else State(), world)
    world.journal.append(ChaosSet(target, fault, dict(options)))
    world.console.say(f"chaos {fault} on {target}" + "".join(f", {key} {value}" for key, value in options.items()))


def check(fault: str, options: Mapping[str, Json], target: Target) -> None:
    """Raise Unreadable unless the fault exists, may hit the target, and takes the options with such values."""
    if fault not in faults.names():
        raise errors.Unreadable(f"there is no fault {fault!r}", f"faults are {', '.join(faults.names())}")
    known = faults.fault(fault)
    if target not in known.TARGETS:
        raise errors.Unreadable(f"{fault} cannot hit {target}", f"it can hit {', '.join(known.TARGETS)}")
    for name, value in options.items():
        if name not in known.OPTIONS:
            takes = ", ".join(known.OPTIONS) or "no options"
            raise errors.Unreadable(f"{fault} takes no {name!r}", f"it takes {takes}")
        low, high = known.OPTIONS[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise errors.Unreadable(f"{name} must be a number from {low:g} to {high:g} and is {value!r}")

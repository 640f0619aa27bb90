"""doctor: what this machine has of what SwiftDeploy needs, and how to get the rest."""

from __future__ import annotations

from swiftdeploy.flow import proof
from swiftdeploy.flow.world import World
from swiftdeploy.model import errors
from swiftdeploy.model.check import Check


def doctor(world: World) -> tuple[Check, ...]:
    """Versions and what is missing; changes nothing."""
    return (*world.tools.inventory(), *world.engine.inventory(), _host(world), _policies(world))


def _host(world: World) -> Check:
    facts = world.host.facts()
    return Check("host facts", "pass", ", ".join(f"{key} {value}" for key, value in facts.items()))


def _policies(world: World) -> Check:
    """Also said when the judge is what is broken: the rest of the list says why."""
    try:
        found = "\n".join(map(str, world.rego.check(world.files.policies())))
        found = found or proof.flaw_of(world.files.policies(), world)
    except errors.SwiftDeployError as error:
        return Check("policies", "fail", error.what)
    return Check("policies", "fail" if found else "pass", found)

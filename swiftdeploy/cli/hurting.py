"""chaos."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from swiftdeploy.cli.session import Session, command

if TYPE_CHECKING:
    from swiftdeploy.chaos import Target


@click.command()
@click.argument("fault", type=click.Choice(["slow", "error", "recover", "down"]))
@click.option("--rate", type=float, help="error: share of requests that fail, 0 to 1.")
@click.option("--duration", type=float, help="slow: seconds, 0 to 30.")
@click.option("--ttl", type=float, help="Seconds after which the fault ends by itself.")
@click.option("--on", "target", type=click.Choice(["stable", "canary"]), default="canary", show_default=True)
@command()
def chaos(
    session: Session, fault: str, rate: float | None, duration: float | None, ttl: float | None, target: str
) -> None:
    """Make the canary slow or failing on purpose, and recover it."""
    from swiftdeploy.verbs.chaos import chaos as verb

    given = {"rate": rate, "duration": duration, "ttl": ttl}
    options = {name: value for name, value in given.items() if value is not None}
    verb(session.world(), fault, options, cast("Target", target))
    then = "" if fault == "recover" else ", `swiftdeploy chaos recover` takes it back"
    session.say(f"next: `swiftdeploy status` shows it{then}")
    session.answer({"fault": fault, "on": target, **options})

"""deploy, promote, rollback, teardown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from swiftdeploy.cli.session import Session, command, journal_head, phase_seconds

if TYPE_CHECKING:
    from swiftdeploy.flow.world import World
    from swiftdeploy.model.state import State, Track


def _reason(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    if value is not None and not value.strip():
        raise click.BadParameter("give the reason: it is written to the journal and to the report")
    return value or ""


override = click.option(
    "--override", metavar="REASON", callback=_reason, help="Break-glass: go on although policy says no."
)


@click.command()
@command(starts=True)
@override
def deploy(session: Session, override: str) -> None:
    """Run the manifest's release; gated by the infrastructure policy."""
    from swiftdeploy.verbs.deploy import deploy as verb

    world = session.world()
    if session.project.manifest and session.project.chosen_by_itself():
        why = "a Docker daemon answers" if world.engine.name == "docker" else "the manifest has services.command"
        session.say(f"engine {world.engine.name}: chosen since {why}")
    state = verb(world, override)
    then = "`swiftdeploy promote stable` or `swiftdeploy rollback`" if state.canary else "`swiftdeploy promote canary`"
    _done(session, world, state, f"`swiftdeploy status` shows it; {then}")


@click.command()
@click.argument("to", type=click.Choice(["stable", "canary"]))
@click.option("--weight", type=click.IntRange(1, 100), help="Percent of requests for the canary.")
@command(starts=True)
@override
def promote(session: Session, to: str, weight: int | None, override: str) -> None:
    """Give a track its traffic; gated by the canary policy."""
    from swiftdeploy.verbs.promote import promote as verb

    world = session.world()
    track: Track = "canary" if to == "canary" else "stable"
    then = "`swiftdeploy promote stable` or `swiftdeploy rollback`" if to == "canary" else "`swiftdeploy audit`"
    _done(session, world, verb(track, weight, world, override), then)


@click.command()
@command(starts=True)
def rollback(session: Session) -> None:
    """Leave the canary, or go back to the release before; never gated."""
    from swiftdeploy.verbs.rollback import rollback as verb

    world = session.world()
    _done(session, world, verb(world), "`swiftdeploy status` shows it")


@click.command()
@click.option("--clean", is_flag=True, help="Remove rendered files, volumes and state too; journal and reports stay.")
@command(changes=True)
def teardown(session: Session, clean: bool) -> None:
    """Stop everything of this project and nothing else."""
    from swiftdeploy.verbs.teardown import teardown as verb

    verb(session.world(), clean)
    session.answer({**journal_head(session), "clean": clean, "seconds": phase_seconds(session.timings)})


def _done(session: Session, world: World, state: State, then: str) -> None:
    """What runs now, how long it took, the journal's head, and what to do next."""
    spent = phase_seconds(session.timings)
    for one in state.instances:
        share = state.weight if one.track == "canary" else 100 - state.weight
        session.say(f"{one.track:6} {one.release.label}  {share} % of requests")
    if "verify" in spent:
        drain = session.timings.spent.get("drain", 0.0)
        session.say(f"switch verified after {spent['verify']:.2f} s, drained in {drain:.2f} s")
    if state.settings:
        session.say(f"serving on http://{state.settings.bind}:{state.settings.port}/")
    head = journal_head(session)
    session.say(f"next: {then}")
    instances = [
        {"id": one.id, "track": one.track, "version": one.release.version, "release": one.release.id}
        for one in state.instances
    ]
    session.answer(
        {
            "generation": state.generation,
            "instances": instances,
            "weight": state.weight,
            **head,
            "seconds": spent,
        }
    )

"""audit."""

from __future__ import annotations

import click

from swiftdeploy.cli.session import Session, command
from swiftdeploy.model import errors


@click.command()
@click.option("--verify", is_flag=True, help="Only verify the chain; exit 1 when it is broken.")
@click.option("--head", default="", metavar="HASH", help="A head that a command printed: proves that nothing was cut.")
@command()
def audit(session: Session, verify: bool, head: str) -> None:
    """Write audit_report.md and audit_report.html from the journal, or verify its chain."""
    from swiftdeploy.verbs import audit as verbs

    world = session.world()
    if not world.files.exists("history.jsonl"):
        raise errors.Unreadable("there is no history.jsonl here", "run this in a project that was deployed, or use -f")
    verdict = verbs.verify(world, head) if verify or head else verbs.audit(world)
    fields = {"ok": verdict.ok, "entries": verdict.entries, "head": verdict.head}
    if not verdict.ok:
        session.stop(errors.CheckFailed(str(verdict), "compare the journal with a copy of it"), fields)
    session.say(str(verdict))
    if not (verify or head):
        session.say("wrote audit_report.md and audit_report.html")
    session.answer(fields)

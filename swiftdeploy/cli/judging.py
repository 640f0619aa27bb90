"""policy test, policy check."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from swiftdeploy.cli.session import Session, command
from swiftdeploy.model import errors

if TYPE_CHECKING:
    from swiftdeploy.model.decision import Gate, Json


@click.group()
def policy() -> None:
    """Test policies, or ask them about an input file."""


@policy.command()
@command(name="policy test")
def test(session: Session) -> None:
    """Run every test_* rule of policies/*_test.rego in the embedded judge."""
    from swiftdeploy.verbs.policy import test as verb

    world = session.world()
    if wrong := world.rego.check(world.files.policies()):
        raise errors.BadFile(wrong)
    results = verb(world)
    for one in results:
        session.say(
            f"{'✔' if one.passed else '✘'} {one.file}:{one.line}: {one.name}"
            + (f": {one.detail}" if one.detail else "")
        )
    failed = [one.name for one in results if not one.passed]
    as_json = [asdict(one) for one in results]
    session.say(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    if failed or not results:
        what = f"{len(failed)} of {len(results)} policy tests failed" if results else "there are no policy tests"
        session.stop(errors.CheckFailed(what), {"results": as_json})
    session.answer({"results": as_json})


@policy.command()
@click.option("--gate", type=click.Choice(["infrastructure", "canary"]), required=True)
@click.option("--input", "source", required=True, metavar="FILE.json", help="The input document; - reads stdin.")
@command(name="policy check")
def check(session: Session, gate: str, source: str) -> None:
    """Ask the policies in force here about one input; exit 0, 10 or 11."""
    from swiftdeploy.flow.gate import reasons_of
    from swiftdeploy.model.policy import shown
    from swiftdeploy.verbs.policy import check as verb

    decision = verb(cast("Gate", gate), _input(source), session.world())
    word = {"allow": "PASS", "deny": "FAIL", "none": "NO DECISION"}[decision.outcome]
    session.say(f"policy {gate}: {word} (judge {decision.judge})")
    for reason in reasons_of(decision):
        session.say(f"  ! {reason}")
    status = {"allow": 0, "deny": 10, "none": 11}[decision.outcome]
    session.answer(shown(decision), status)
    click.get_current_context().exit(status)


def _input(source: str) -> dict[str, Json]:
    try:
        found = json.loads(sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise errors.Unreadable(f"{source} is no readable JSON document: {error}", "give a JSON object") from error
    if not isinstance(found, dict):
        raise errors.Unreadable(f"{source} holds no JSON object", 'give one such as {"disk_free_gb": 40}')
    return found

"""policy test, policy check, policy explain."""

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
    from collections.abc import Iterator

    from swiftdeploy.model.decision import Gate, Json
    from swiftdeploy.model.influence import Explanation


@click.group()
def policy() -> None:
    """Test policies, ask them about an input file, or see what they judge."""


@policy.command()
@command(name="policy test")
def test(session: Session) -> None:
    """Run every test_* rule of policies/*_test.rego in the embedded judge."""
    from swiftdeploy.verbs.policy import proven
    from swiftdeploy.verbs.policy import test as verb

    world = session.world()
    if wrong := world.rego.check(world.files.policies()):
        raise errors.BadFile(wrong)
    proven(world)
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
    for warning in decision.warnings:
        session.say(f"  warns: {warning}")
    status = {"allow": 0, "deny": 10, "none": 11}[decision.outcome]
    session.answer(shown(decision), status)
    click.get_current_context().exit(status)


@policy.command()
@click.option("--gate", type=click.Choice(["infrastructure", "canary"]), help="Only this gate.")
@command(name="policy explain")
def explain(session: Session, gate: str | None) -> None:
    """Make one figure at a time bad: does the policy deny, does it make no difference, is it read at all?"""
    from swiftdeploy.verbs.policy import explain as verb

    world = session.world()
    gates = cast("tuple[Gate, ...]", (gate,) if gate else ("infrastructure", "canary"))
    found = [verb(one, world) for one in gates]
    for one in found:
        for line in _explained(one):
            session.say(line)
    session.answer({"gates": {one.gate: _fields(one) for one in found}})


def _explained(one: Explanation) -> Iterator[str]:
    from swiftdeploy.flow.gate import reasons_of

    yield f"policy {one.gate}: package {one.package} in {one.file} (judge {one.healthy.judge})"
    if not one.healthy.allow:
        yield f"  ! all healthy, and yet not allowed: {'; '.join(reasons_of(one.healthy))}"
    width = max(len(it.name) for it in one.influences)
    for it in one.influences:
        bad = "" if isinstance(it.bad, dict) else f" = {json.dumps(it.bad)}"
        said = f": {'; '.join(it.reasons)}" if it.reasons else ""
        yield f"  {it.name:<{width}}{bad:<14} {it.effect}{said}"
    for name, value in one.thresholds.items():
        yield (
            f"  thresholds.{name} is {json.dumps(value)}" if value is not None else f"  thresholds.{name} is not there"
        )
    for unsent in one.unsent:
        yield f"  ! {unsent}"
    if one.unread:
        yield f"  ! it never looks at {', '.join(one.unread)}, as the shipped policies do"


def _fields(one: Explanation) -> dict[str, object]:
    verdict = {"outcome": one.healthy.outcome, "reasons": one.healthy.reasons, "failure": one.healthy.failure}
    return {**asdict(one), "healthy": verdict, "judge": one.healthy.judge}


def _input(source: str) -> dict[str, Json]:
    try:
        found = json.loads(sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise errors.Unreadable(f"{source} is no readable JSON document: {error}", "give a JSON object") from error
    if not isinstance(found, dict):
        raise errors.Unreadable(f"{source} holds no JSON object", 'give one such as {"disk_free_gb": 40}')
    return found

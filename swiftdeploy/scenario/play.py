"""Plays a scenario's steps on a scene, in order, and yields what came of each."""

from __future__ import annotations

from collections.abc import Iterator

from swiftdeploy.model import errors
from swiftdeploy.model.decision import Json
from swiftdeploy.scenario import values
from swiftdeploy.scenario.decode import Undecodable, decoded
from swiftdeploy.scenario.read import Scenario
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import Kind, Outcome, Step, StepResult
from swiftdeploy.scenario.steps import kinds

ALWAYS_SECONDS = 30.0  # for cleaning up after a scenario that has used up its own time


def play(scenario: Scenario, scene: Scene) -> Iterator[StepResult]:
    """Results of the steps up to the first that fails, then of all `always` steps, whatever came before.

    Whoever stops asking must still run the rest of `always`; the caller tears the stack down.
    """
    scene.deadline.limit("the scenario", scenario.timeout_seconds)
    for step in scenario.steps:
        result = played(step, scene)
        yield result
        if result.result == "failed":
            break
    scene.deadline.limit("the scenario", None)
    scene.deadline.limit("cleaning up", ALWAYS_SECONDS)
    for step in scenario.always:
        yield played(step, scene)
    scene.deadline.limit("cleaning up", None)


def played(step: Step, scene: Scene) -> StepResult:
    """Run one step; an error of ours is a failed step."""
    start = scene.world.clock.now()
    if any(scene.stack.values()[f"stack.{key}"] != value for key, value in step.when.items()):
        return StepResult(step, "skipped", 0.0, "", f"only when {dict(step.when)}")
    scene.deadline.limit("the step", step.timeout_seconds)
    try:
        outcome = _outcome(step, scene)
    except errors.SwiftDeployError as error:
        outcome = Outcome(False, "the step to be done", f"an error (exit {error.exit_status}): {error}")
    finally:
        scene.deadline.limit("the step", None)
    seconds = round(scene.world.clock.now() - start, 4)
    outcome = _captured(step, outcome, scene) if outcome.ok else outcome
    return StepResult(
        step, "passed" if outcome.ok else "failed", seconds, outcome.expected, outcome.got, outcome.guilty
    )


def _outcome(step: Step, scene: Scene) -> Outcome:
    kind = kinds()[step.verb]
    scene.deadline.check()
    known = {**scene.captured, **scene.stack.values()}
    for one in values.references([step.asks, step.expects]):
        if one.name not in known:  # an `always` step after the one that should have captured it has failed
            return Outcome(False, "its values to be known", f"nothing was captured as {one.name}")
    try:
        asked = decoded(kind.fields, _with_deadline(step, kind, values.fill(step.asks, known, final=True)))
        expect = _expect(step, kind, known)
    except Undecodable as wrong:
        return Outcome(False, "fields that fit", str(wrong))
    outcome: Outcome = kind.run(asked, expect, scene)
    if kind.changes:
        scene.look()
    return outcome


def _with_deadline(step: Step, kind: Kind, asks: Json) -> Json:
    """The fields; a `within` beside the verb counts as the verb's own where it has one."""
    wrapped, _ = kind.wrapped(asks)
    if step.within_seconds is not None and isinstance(wrapped, dict) and "within" in kind.fields.model_fields:
        return {"within": step.within_seconds, **wrapped}
    return wrapped


def _expect(step: Step, kind: Kind, known: dict[str, Json]) -> object:
    if kind.expect is None:
        return None
    given = values.fill(step.expects, known, final=True)
    if step.within_seconds is not None and "within" in kind.expect.model_fields:
        given = {"within": step.within_seconds, **(given if isinstance(given, dict) else {})}
    return None if given is None else decoded(kind.expect, given)


def _captured(step: Step, outcome: Outcome, scene: Scene) -> Outcome:
    for name, path in step.capture.items():
        try:
            scene.captured[name] = values.look_up(outcome.data, path)
        except KeyError as missing:
            return Outcome(False, f"{path} to capture as {name}", f"no {missing.args[0]!r} in the step's result")
    return outcome

"""A command inside a scenario: it passes on exit 0, or on exactly what `expect` names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel

from swiftdeploy.model import errors
from swiftdeploy.model.decision import Decision, Json
from swiftdeploy.model.event import Decided
from swiftdeploy.scenario.fields import STRICT, Seconds, Several
from swiftdeploy.scenario.match import unmatched
from swiftdeploy.scenario.scene import OutOfTime, Scene
from swiftdeploy.scenario.step import Outcome

STATUS_OF = {"allow": 0, "deny": 10, "none": 11}


class CommandExpect(BaseModel):
    """What a command must come to. `decision` alone also asks for its exit status: 0, 10 or 11."""

    model_config = STRICT
    exit: int | None = None
    decision: Literal["allow", "deny", "none"] | None = None
    reasons: Several = ()
    error: str | None = None
    within: Seconds | None = None

    def status(self) -> int:
        """The exit status to expect."""
        if self.exit is not None:
            return self.exit
        return STATUS_OF[self.decision] if self.decision else 0


def shipped(run: Callable[[], object], expect: CommandExpect | None, scene: Scene) -> Outcome:
    """Run a command and hold its exit status, decision, reasons and time against `expect`."""
    wanted = expect or CommandExpect()
    start, before = scene.world.clock.now(), scene.world.journal.head()
    status, said = 0, ""
    try:
        run()
    except OutOfTime:
        raise
    except errors.SwiftDeployError as error:
        status, said = error.exit_status, error.what
    seconds = round(scene.world.clock.now() - start, 3)
    decision = _decision_since(before, scene)
    data: Json = {
        "exit": status,
        "error": said,
        "seconds": seconds,
        "decision": decision.outcome if decision else None,
        "reasons": list(decision.reasons) if decision else [],
        "input": dict(decision.input) if decision else {},
    }
    wrong = _wrong(wanted, status, said, decision, seconds)
    return Outcome(wrong is None, *(wrong or ("", "")), data=data, guilty=_guilty(scene) if wrong else "")


def _wrong(
    wanted: CommandExpect, status: int, said: str, decision: Decision | None, seconds: float
) -> tuple[str, str] | None:
    came = f"exit {status}" + (f": {said}" if said else "")
    if status != wanted.status():
        return f"exit {wanted.status()}", came
    if wanted.decision and (decision is None or decision.outcome != wanted.decision):
        return f"decision {wanted.decision}", f"{decision.outcome if decision else 'no question to policy'} ({came})"
    reasons = (decision.failure, *decision.reasons) if decision else ()
    if left := unmatched(wanted.reasons, reasons):
        return f"a reason like {left[0]!r}", "; ".join(filter(None, reasons)) or "none"
    if wanted.error and unmatched((wanted.error,), (said,)):
        return f"an error like {wanted.error!r}", said or "none"
    if wanted.within is not None and seconds > wanted.within:
        return f"to be done within {wanted.within:g} s", f"{seconds:g} s"
    return None


def _decision_since(head: str, scene: Scene) -> Decision | None:
    """The last decision that was recorded after the entry with this hash."""
    for entry in scene.world.journal.backwards():
        if entry.hash == head:
            return None
        if isinstance(entry.event, Decided):
            return entry.event.decision
    return None


def _guilty(scene: Scene) -> str:
    state = scene.state()
    newest = state.canary or state.stable
    return newest.id if newest else ""

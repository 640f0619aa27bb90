"""`run`: a program by its argv, in the copied project; never through a shell."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from swiftdeploy.model.decision import Json
from swiftdeploy.scenario.fields import STRICT
from swiftdeploy.scenario.match import mismatch, show
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import Kind, Outcome

MOST_SECONDS = 60.0


class Run(BaseModel):
    model_config = STRICT
    argv: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class RunExpect(BaseModel):
    """Without `exit`, 0 passes. `stdout` and `stderr` may be globs over the text without its last line end."""

    model_config = STRICT
    exit: Any = 0
    stdout: str | None = None
    stderr: str | None = None


def run(asked: Run, expect: RunExpect | None, scene: Scene) -> Outcome:
    wanted = expect or RunExpect()
    ran = scene.effects.shell.run(asked.argv, scene.stack.folder, min(MOST_SECONDS, scene.deadline.left()))
    data: Json = {"exit": ran.exit, "stdout": ran.stdout.rstrip("\n"), "stderr": ran.stderr.rstrip("\n")}
    given = {name: getattr(wanted, name) for name in ("exit", "stdout", "stderr")}
    named = {name: value for name, value in given.items() if value is not None}
    if ran.exit is None:
        return Outcome(False, f"{asked.argv[0]} to end", "it still ran and was ended", data)
    wrong = mismatch(named, data)
    got = f"{wrong}; stderr ends {show(ran.stderr[-200:])}" if wrong else ""
    return Outcome(wrong is None, f"{asked.argv[0]} to give {named}", got, data)


STEP = Kind(fields=Run, expect=RunExpect, run=run, lone="argv")

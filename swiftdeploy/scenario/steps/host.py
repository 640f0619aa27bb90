"""`host`: what this machine says of a part of the stack: user, sockets, processes, environment, files."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, model_validator

from swiftdeploy.flow.world import Part
from swiftdeploy.model import errors
from swiftdeploy.model.decision import Json
from swiftdeploy.scenario.effects import InspectPart
from swiftdeploy.scenario.fields import STRICT, Several
from swiftdeploy.scenario.match import glob, mismatch, unmatched
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import Kind, Outcome

Mended = tuple[str, str]
Named = TypeVar("Named", int, str)


class FileAsk(BaseModel):
    model_config = STRICT
    exists: bool = True
    kind: Literal["file", "directory"] | None = None
    mode: str | None = None
    user: str | None = None
    contains: str | None = None


class Host(BaseModel):
    """`of` names the part that `user`, `listens`, `processes` and `environment` are asked of. `sockets` and `files` are
    the machine's; a file's path is relative to the copied project."""

    model_config = STRICT
    of: Literal["stable", "canary", "proxy", "judge"] | None = None
    user: str | None = None
    listens: Several = ()
    processes: Several = ()
    environment: dict[str, Any] = Field(default_factory=dict)
    sockets: Several = ()
    files: dict[str, FileAsk] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _asks_something(self) -> Host:
        of_part = bool(self.user or self.listens or self.processes or self.environment)
        if of_part and self.of is None:
            raise ValueError("user, listens, processes and environment need `of: stable, canary, proxy or judge`")
        if not of_part and not self.sockets and not self.files:
            raise ValueError("asks nothing: give user, listens, processes, environment, sockets or files")
        return self


def run(asked: Host, expect: None, scene: Scene) -> Outcome:
    wrong = next(chain(_of_the_part(asked, scene), _of_the_machine(asked, scene)), None)
    return Outcome(wrong is None, *(wrong or ("", "")), guilty=asked.of or "" if wrong else "")


def _of_the_part(asked: Host, scene: Scene) -> Iterator[Mended]:
    if asked.of is None:
        return
    part = _part(asked.of, scene)
    if part.container:
        yield from _unlike(asked, part.container, scene.effects.inside)
    elif part.pid:
        yield from _unlike(asked, part.pid, scene.effects.inspect)


def _unlike(asked: Host, part: Named, inspect: InspectPart[Named]) -> Iterator[Mended]:
    if asked.user is not None and (user := inspect.user(part)) != asked.user:
        yield f"{asked.of} to run as {asked.user}", user
    if asked.listens:
        found = inspect.sockets(part)
        stray = [one for one in found if not any(glob(pattern, one) for pattern in asked.listens)]
        if stray or not found:
            yield f"{asked.of} to listen on {' or '.join(asked.listens)} only", ", ".join(stray) or "no socket"
    if asked.processes and (left := unmatched(asked.processes, names := inspect.commands(part))):
        yield f"{asked.of} to have a process like {left[0]!r}", ", ".join(names)
    if asked.environment:
        has: dict[str, Json] = dict(inspect.environment(part))
        if wrong := mismatch(asked.environment, has, "environment"):
            yield f"{asked.of} to have the environment {asked.environment}", wrong


def _of_the_machine(asked: Host, scene: Scene) -> Iterator[Mended]:
    inspect = scene.effects.inspect
    for socket in asked.sockets:
        if not inspect.listens(socket):
            yield f"a listener on {socket}", "none"
    for path, ask in asked.files.items():
        found = inspect.file(path if path.startswith("/") else f"{scene.stack.folder}/{path}")
        if bool(found.kind) != ask.exists:
            yield f"{path} to {'exist' if ask.exists else 'be absent'}", found.kind or "nothing"
        elif found.kind:
            wanted = ask.model_dump(include={"kind", "mode", "user"}, exclude_none=True)
            if wrong := mismatch(wanted, dict(vars(found)), path):
                yield f"{path} to be {wanted}", wrong
            if ask.contains is not None and ask.contains not in found.content:
                yield f"{path} to contain {ask.contains!r}", f"{found.size} bytes without it"


def _part(of: str, scene: Scene) -> Part:
    state = scene.state()
    name = of if of in ("proxy", "judge") else next((one.id for one in state.instances if one.track == of), of)
    for part in scene.world.engine.parts(state):
        if part.name == name and part.state == "running" and (part.pid or part.container):
            return part
    raise errors.NotPossible(f"there is no process of {of}", "deploy before this step; an embedded judge has no server")


STEP = Kind(fields=Host, run=run)

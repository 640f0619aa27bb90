"""`request`: one HTTP request to the service, or to one track of it."""

from __future__ import annotations

import json as codec
from typing import Any, Literal

from pydantic import BaseModel, Field

from swiftdeploy.model.decision import Json
from swiftdeploy.model.state import Track
from swiftdeploy.scenario.effects import Reply
from swiftdeploy.scenario.fields import STRICT, UrlPath
from swiftdeploy.scenario.match import mismatch
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import Kind, Outcome

MOST_SECONDS = 30.0


class Request(BaseModel):
    model_config = STRICT
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    path: UrlPath = "/"
    track: Track | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")


class RequestExpect(BaseModel):
    """Without `status`, any 2xx passes. Texts may be globs, and what is not named may be anything."""

    model_config = STRICT
    status: Any = None
    headers: dict[str, Any] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    text: str | None = None


def run(asked: Request, expect: RequestExpect | None, scene: Scene) -> Outcome:
    wanted = expect or RequestExpect()
    has_body = "json_" in asked.model_fields_set
    seconds = min(MOST_SECONDS, scene.deadline.left())
    url = _url(asked, scene)
    try:
        reply = scene.effects.http.send(asked.method, url, asked.headers, asked.json_, has_body, seconds)
    except OSError as error:
        return Outcome(False, f"an answer from {asked.method} {asked.path}", str(error), guilty="proxy")
    body = _json(reply.text)
    data: Json = {"status": reply.status, "headers": dict(reply.headers), "json": body, "text": reply.text}
    wrong = _wrong(wanted, reply, body)
    said = f"{asked.method} {asked.path} to answer {_summary(wanted)}"
    if wrong is None:
        return Outcome(True, data=data)
    return Outcome(False, said, f"{wrong}; the body begins {reply.text[:200]!r}", data, _guilty(reply, scene))


def _url(asked: Request, scene: Scene) -> str:
    if asked.track is None:
        return scene.stack.url + asked.path
    return f"http://{scene.world.engine.address(scene.instance(asked.track))}{asked.path}"


def _wrong(wanted: RequestExpect, reply: Reply, body: Json) -> str | None:
    if wanted.status is None and not 200 <= reply.status < 300:
        return f"status {reply.status}"
    if wanted.status is not None and (wrong := mismatch(wanted.status, reply.status, "status")):
        return wrong
    lowered = {name.lower(): value for name, value in wanted.headers.items()}
    if wrong := mismatch(lowered, dict(reply.headers), "headers"):
        return wrong
    if "json_" in wanted.model_fields_set and (wrong := mismatch(wanted.json_, body, "json")):
        return wrong
    return mismatch(wanted.text, reply.text, "text") if wanted.text is not None else None


def _guilty(reply: Reply, scene: Scene) -> str:
    """Whose log may tell more: the proxy of its own errors, else the instance that answered."""
    if reply.status in (502, 503, 504):
        return "proxy"
    answered = scene.state().instance("canary" if reply.headers.get("x-mode") == "canary" else "stable")
    return answered.id if answered else ""


def _summary(wanted: RequestExpect) -> str:
    given = wanted.model_dump(by_alias=True, exclude_unset=True)
    return ", ".join(f"{name} {value!r}" for name, value in given.items()) or "2xx"


def _json(text: str) -> Json:
    try:
        found: Json = codec.loads(text)
    except ValueError:
        return None
    return found


STEP = Kind(fields=Request, expect=RequestExpect, run=run, lone="path")

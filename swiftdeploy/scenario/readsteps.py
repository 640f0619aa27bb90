"""The steps of a scenario, from filled-in plain data, with findings for all that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from swiftdeploy.model import nearest
from swiftdeploy.model.decision import Json
from swiftdeploy.model.errors import Finding
from swiftdeploy.model.yamldocument import Document
from swiftdeploy.scenario import overrides, values
from swiftdeploy.scenario.decode import Problem, Undecodable, decoded, field_names
from swiftdeploy.scenario.fields import STRICT, Name, Seconds
from swiftdeploy.scenario.scene import STACK_NAMES
from swiftdeploy.scenario.step import Kind, Step
from swiftdeploy.scenario.steps import kinds

WHEN = {"engine": ("local", "docker")}


class Shared(BaseModel):
    """The fields that every step may have beside its verb."""

    model_config = STRICT
    name: Annotated[str, Field(max_length=200)] = ""
    when: dict[str, str] = Field(default_factory=dict)
    expect: Any = None
    within: Seconds | None = None
    timeout: Seconds | None = None
    capture: dict[Name, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)


SHARED = field_names(Shared)


class StepsReader:
    """Reads the lists of steps of one row, in their order: captured names and set keys reach the steps after them."""

    def __init__(
        self,
        document: Document,
        known: frozenset[str],
        found: Callable[[Finding], None],
        manifest_text: str | None,
    ) -> None:
        self._document, self._known, self._found = document, known, found
        self._manifest_text = manifest_text
        self._captured: set[str] = set()
        self._set: dict[str, Json] = {}

    def begin(self, sets: Mapping[str, Json]) -> None:
        """The scenario's own `set` comes before all steps."""
        self._try_set(sets, ("set",), frozenset())

    def steps(self, key: str, items: Json) -> tuple[Step, ...]:
        """The steps of `steps` or `always`; what is no list has a finding of the head already."""
        if not isinstance(items, list):
            return ()
        read = (self._step((key, index), item) for index, item in enumerate(items))
        return tuple(step for step in read if step)

    def _step(self, path: values.Path, item: Json) -> Step | None:
        if not isinstance(item, dict):
            bare = isinstance(item, str) and item in kinds()
            self._add(path, Problem((), "a step is a mapping with one verb", f"write `{item}: {{}}`" if bare else ""))
            return None
        verb = self._verb(path, item)
        shared = self._shared(path, item)
        self._check_names(path, item)
        capture = item.get("capture")
        self._captured |= set(capture) if isinstance(capture, dict) else set()
        if verb is None or shared is None:
            return None
        self._check_fields(path, item, verb, kinds()[verb])
        return self._made(path, item, verb, shared)

    def _verb(self, path: values.Path, item: Mapping[str, Json]) -> str | None:
        verbs = [key for key in item if key in kinds()]
        for key in item:
            if key not in kinds() and key not in SHARED:
                # a step that has its verb has mistyped a shared field, else the verb itself
                known = SHARED if verbs else (*kinds(), *SHARED)
                what = f"is no field of a step; known: {', '.join(SHARED)}" if verbs else (
                    f"there is no verb `{key}`; known: {', '.join(kinds())}"
                )  # fmt: skip
                self._add(path, Problem((key,), what, nearest.hint(key, known), "key"))
        if len(verbs) > 1:
            what = f"a step has one verb, and this one has {' and '.join(verbs)}"
            self._add(path, Problem((verbs[1],), what, at="key"))
            return None
        if not verbs and all(key in SHARED for key in item):
            self._add(path, Problem((), f"a step needs a verb: {', '.join(kinds())}"))
        return verbs[0] if verbs else None

    def _shared(self, path: values.Path, item: Mapping[str, Json]) -> Shared | None:
        given = {key: value for key, value in item.items() if key in SHARED}
        try:
            shared = decoded(Shared, given)
        except Undecodable as wrong:
            for one in wrong.problems:
                self._add(path, one)
            return None
        for key, value in shared.when.items():
            if key not in WHEN:
                hint = nearest.hint(key, WHEN)
                self._add(path, Problem(("when", key), "is unknown here; known: engine", hint, "key"))
            elif value not in WHEN[key]:
                hint = nearest.hint(value, WHEN[key])
                self._add(path, Problem(("when", key), f"there is no engine {value!r}", hint))
        return shared

    def _check_names(self, path: values.Path, item: Mapping[str, Json]) -> None:
        known = {*self._known, *self._captured, *STACK_NAMES}
        late = {"name", "when", "within", "timeout", "capture"}
        for one in values.references(dict(item), path):
            if one.name not in known:
                self._found(unknown(self._document, one, known))
            elif one.name not in self._known and one.path[len(path)] in late:
                self._found(self._document.finding(one.path, f"${{{one.name}}} is known too late for this field"))

    def _check_fields(self, path: values.Path, item: Mapping[str, Json], verb: str, kind: Kind) -> None:
        asks, wrapped = kind.wrapped(item[verb])
        problems = _problems(kind.fields, asks)
        for one in problems:
            below = one.path[1:] if wrapped and one.path[:1] == (wrapped,) else one.path
            self._add((*path, verb), Problem(below, one.what, one.hint, one.at))
        if "expect" in item:
            self._check_expect(path, item["expect"], verb, kind)
        if verb == "set" and not problems and isinstance(item[verb], dict):
            sets = item[verb]
            assert isinstance(sets, dict)
            later = frozenset(key for key, value in sets.items() if any(values.references(value)))
            self._try_set(sets, (*path, verb), later)

    def _check_expect(self, path: values.Path, expect: Json, verb: str, kind: Kind) -> None:
        if kind.expect is None:
            self._add(path, Problem(("expect",), f"`{verb}` has nothing to expect", at="key"))
            return
        for one in _problems(kind.expect, expect):
            self._add((*path, "expect"), one)

    def _try_set(self, sets: Mapping[str, Json], path: values.Path, later: frozenset[str]) -> None:
        if self._manifest_text is None or not sets:
            return
        problems = overrides.problems(self._manifest_text, {**self._set, **sets}, later)
        for one in problems:
            self._add(path, one)
        if not problems:
            self._set |= {key: value for key, value in sets.items() if key not in later}

    def _made(self, path: values.Path, item: Mapping[str, Json], verb: str, shared: Shared) -> Step:
        number = path[1]
        assert isinstance(number, int)
        line = self._document.places[path].value.line
        return Step(
            verb,
            number + 1,
            path[0] == "always",
            f"{self._document.file}:{line}",
            item[verb],
            item.get("expect"),
            shared.name,
            shared.when,
            shared.within,
            shared.timeout,
            shared.capture,
        )

    def _add(self, path: values.Path, one: Problem) -> None:
        self._found(self._document.finding((*path, *one.path), one.what, one.hint, one.at))


def unknown(document: Document, one: values.Reference, known: Collection[str]) -> Finding:
    """The finding for a `${name}` that means nothing."""
    if one.name.startswith("env."):
        return document.finding(one.path, f"the environment variable {one.name[4:]} is not set")
    shown = [name for name in known if not name.startswith("env.")]
    return document.finding(one.path, f"nothing is called ${{{one.name}}} here", nearest.hint(one.name, shown))


def _problems(record: type[BaseModel], asks: Json) -> tuple[Problem, ...]:
    """What is wrong with fields as they are written. Values with a name that is filled in later are not judged yet."""
    try:
        decoded(record, asks)
    except Undecodable as wrong:
        later = {one.path for one in values.references(asks)}
        return tuple(one for one in wrong.problems if not _touches(one.path, later))
    return ()


def _touches(path: values.Path, later: set[values.Path]) -> bool:
    return any(path == one[: len(path)] or one == path[: len(one)] for one in later)

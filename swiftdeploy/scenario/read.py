"""A scenario's text to one Scenario per row of its matrix, with everything that is wrong found at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator

from swiftdeploy.model import nearest
from swiftdeploy.model.decision import Json
from swiftdeploy.model.errors import BadFile, Finding
from swiftdeploy.model.scalars import Wrong
from swiftdeploy.model.yamldocument import Document
from swiftdeploy.model.yamlfile import load
from swiftdeploy.scenario import hostfacts, matrix, values
from swiftdeploy.scenario.decode import Undecodable, decoded, field_names
from swiftdeploy.scenario.fields import NAME, STRICT, Name, Seconds
from swiftdeploy.scenario.readsteps import StepsReader, unknown
from swiftdeploy.scenario.step import Step

TIMEOUT_SECONDS = 120.0
NOT_FILLED = ("scenario", "about", "tags", "vars", "matrix")
# pytest gives these marks a meaning of their own, so a tag must not take them
MARKS_OF_PYTEST = ("parametrize", "usefixtures", "filterwarnings", "skip", "skipif", "xfail")


@dataclass(frozen=True)
class Scenario:
    """One test: a scenario with one row of its matrix filled in. `facts` go over a healthy baseline, or are `real`."""

    name: str
    row: Mapping[str, Json]
    about: str
    tags: tuple[str, ...]
    sets: Mapping[str, Json]
    facts: hostfacts.Wanted
    timeout_seconds: float
    steps: tuple[Step, ...]
    always: tuple[Step, ...]

    @property
    def id(self) -> str:
        """The test's name: `canary-chaos[rate=0.6-fault=slow]`."""
        return f"{self.name}[{matrix.row_id(self.row)}]" if self.row else self.name


class _Head(BaseModel):
    """All of a scenario but its steps."""

    model_config = STRICT
    scenario: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$")]
    about: Annotated[str, Field(max_length=1000)] = ""
    tags: Annotated[tuple[Annotated[str, Field(pattern=NAME)], ...], Field(strict=False)] = ()
    set_: dict[str, Any] = Field(default_factory=dict, alias="set")
    facts: Any = Field(default_factory=dict)
    vars: dict[Name, Any] = Field(default_factory=dict)
    matrix: dict[Name, Annotated[tuple[Any, ...], Field(strict=False, min_length=1)]] = Field(default_factory=dict)
    timeout: Seconds = TIMEOUT_SECONDS
    steps: Annotated[list[Any], Field(min_length=1)]
    always: list[Any] = Field(default_factory=list)

    @field_validator("tags")
    @classmethod
    def _are_free(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        for tag in tags:
            if tag in MARKS_OF_PYTEST:
                raise Wrong(f"{tag!r} is a mark of pytest's own", "choose another word")
        return tags

    @field_validator("facts")
    @classmethod
    def _are_facts(cls, value: Any) -> Any:
        return hostfacts.checked(value)

    @field_validator("matrix")
    @classmethod
    def _makes_rows(cls, choices: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        for name, row in choices.items():
            if any(isinstance(one, dict | list) for one in row):
                raise Wrong(f"{name} must be a list of plain values")
        if matrix.size(choices) > matrix.MOST_ROWS:
            raise Wrong(f"makes {matrix.size(choices)} rows; at most {matrix.MOST_ROWS} are allowed")
        ids = [matrix.row_id(row) for row in matrix.rows(choices)]
        if twice := next((one for one in ids if ids.count(one) > 1), None):
            raise Wrong(f"has the row {twice} twice")
        return choices


@dataclass
class _Findings:
    """What is wrong so far, each thing once although every row may find it."""

    document: Document
    found: dict[str, Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        self.found.setdefault(str(finding), finding)

    def all(self) -> tuple[Finding, ...]:
        return tuple(sorted(self.found.values(), key=lambda one: (one.line, one.column)))


def read(text: str, file: str, environ: Mapping[str, str], manifest_text: str | None = None) -> tuple[Scenario, ...]:
    """One Scenario a row. `environ` is what `${env.NAME}` may name; `manifest_text`, when given, is the valid manifest
    that `set` is tried on. Raises BadFile with all findings."""
    document = load(text, file)
    findings = _Findings(document)
    for finding in document.findings:
        findings.add(finding)
    if not document.whole or not _is_mapping(document, findings):
        raise BadFile(findings.all())
    scenarios = tuple(_rows(document, environ, manifest_text, findings))
    if findings.found:
        raise BadFile(findings.all())
    return scenarios


def _is_mapping(document: Document, findings: _Findings) -> bool:
    if isinstance(document.data, dict):
        return True
    findings.add(document.finding((), "a scenario is a mapping with the keys scenario and steps"))
    return False


def _rows(
    document: Document, environ: Mapping[str, str], manifest_text: str | None, findings: _Findings
) -> Iterator[Scenario]:
    assert isinstance(document.data, dict)
    choices = _choices(document.data)
    for row in matrix.rows(choices) if choices is not None else ({},):
        known = _known(document.data, row, environ)
        filled = _filled(document.data, known, findings)
        head = _head(filled, findings)
        reader = StepsReader(document, frozenset(known), findings.add, manifest_text)
        sets = filled.get("set")
        reader.begin(sets if isinstance(sets, dict) else {})
        steps = reader.steps("steps", filled.get("steps"))
        always = reader.steps("always", filled.get("always"))
        if head:
            yield _scenario(head, row, steps, always)


def _scenario(head: _Head, row: Mapping[str, Json], steps: tuple[Step, ...], always: tuple[Step, ...]) -> Scenario:
    return Scenario(head.scenario, row, head.about, head.tags, head.set_, head.facts, head.timeout, steps, always)


def _choices(data: Mapping[str, Json]) -> dict[str, list[Json]] | None:
    """The matrix when it is one; else None, and the head says what is wrong with it."""
    try:
        head = decoded(_Head, {"scenario": "a", "steps": [0], "matrix": data.get("matrix", {})})
    except Undecodable:
        return None
    return {name: list(row) for name, row in head.matrix.items()}


def _known(data: Mapping[str, Json], row: Mapping[str, Json], environ: Mapping[str, str]) -> dict[str, Json]:
    """Every name whose value is known before the scenario runs. `vars` may use the others."""
    known: dict[str, Json] = {f"env.{name}": value for name, value in environ.items()}
    known |= {f"matrix.{name}": value for name, value in row.items()}
    own = data.get("vars")
    if isinstance(own, dict):
        known |= {f"vars.{name}": values.fill(value, known) for name, value in own.items()}
    return known


def _filled(data: Mapping[str, Json], known: Mapping[str, Json], findings: _Findings) -> dict[str, Json]:
    """All keys with their references filled in, as far as they are known; references in the head must be."""
    for key in set(data) - {"steps", "always", "scenario", "about", "tags"}:
        # `vars` are given in terms of the matrix and the environment only, so that their order means nothing
        usable = {name for name in known if not name.startswith("vars.") or key != "vars"}
        # after filling in: of `${vars.${matrix.x}}` the inner name must be known before the outer one can be
        for one in values.references(values.fill(data[key], {name: known[name] for name in usable}), (key,)):
            if one.name not in usable:
                findings.add(unknown(findings.document, one, usable))
    return {key: value if key in NOT_FILLED else values.fill(value, known) for key, value in data.items()}


def _head(filled: Mapping[str, Json], findings: _Findings) -> _Head | None:
    try:
        return decoded(_Head, dict(filled))
    except Undecodable as wrong:
        for one in wrong.problems:
            hint = one.hint
            if one.at == "key" and len(one.path) == 1:
                hint = nearest.hint(str(one.path[0]), field_names(_Head))
            findings.add(findings.document.finding(one.path, one.what, hint, one.at))
        return None

"""What each gate gives its policy: one table, from which proof, explain, the JSON Schema and the docs are built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from swiftdeploy.model.decision import GATES, Gate, Json

Kind = Literal["number", "integer", "boolean", "string", "object", "array"]


@dataclass(frozen=True)
class Input:
    """One field of a gate's input.

    `healthy` is a value that no policy has to mind, `bad` one that speaks against a change when all else is healthy,
    `worst` the same where everything is as bad as it can be; it is `bad` unless it is given (few samples are bad, yet
    the worst input is sure of itself). `nullable`: null where nothing is known. `parts` are the fields of an object;
    an object without them may hold any field.
    """

    name: str
    kind: Kind
    meaning: str
    healthy: Json = None
    bad: Json = None
    worst: Json = None
    nullable: bool = False
    parts: tuple[Input, ...] = ()

    @property
    def judged(self) -> bool:
        """Whether it can speak against a change at all."""
        return bool(self.parts) or self.bad is not None


HUGE_MS = 3_600_000.0  # an hour
MANY = 1_000_000


def _figures(of: str) -> tuple[Input, ...]:
    """Samples and figures of one source of requests."""
    return (
        Input("samples", "integer", f"requests of {of}", 1000, 0, MANY),
        Input("errors", "integer", "those that failed", 0, 1000, MANY),
        Input("error_rate_percent", "number", "failed requests, percent", 0.0, 100.0, nullable=True),
        Input("error_rate_low_percent", "number", "its lower bound", 0.0, 100.0, nullable=True),
        Input("error_rate_high_percent", "number", "its upper bound", 0.5, 100.0, nullable=True),
        Input("p99_latency_ms", "number", "99 % are as fast, milliseconds", 20.0, HUGE_MS, nullable=True),
        Input("p99_latency_low_ms", "number", "its lower bound", 15.0, HUGE_MS, nullable=True),
        Input("p99_is_lower_bound", "boolean", "the p99 lies beyond the last bucket", False, True),
    )


def _source(name: str, of: str) -> Input:
    return Input(name, "object", of, parts=_figures(of))


_SOURCES = (
    _source("users", "users, as the app counts them"),
    _source("probe", "the gate's own probe"),
    _source("proxy", "users, as the proxy's log has them"),
    _source("stable", "users of the stable track, as the app counts them"),
    _source("stable_proxy", "users of the stable track, as the proxy's log has them"),
)

_VERSUS = (
    Input("samples", "integer", "requests of stable", 1000, 0, MANY),
    Input("error_rate_percent", "number", "failed requests of stable, percent", 0.0, nullable=True),
    Input("p99_latency_ms", "number", "99 % are as fast on stable, ms", 20.0, nullable=True),
    Input("p99_increase_percent", "number", "how much slower the canary is, percent", 0.0, HUGE_MS, nullable=True),
)

_HOST = (
    Input("disk_free_gb", "number", "free disk, GiB", 40.0, 0.0),
    Input("cpu_load_1m", "number", "load average of one minute", 0.5, 1_000_000.0),
    Input("cpu_count", "integer", "CPUs of the machine", 4, 0, 1),
    Input("mem_free_percent", "number", "memory that programs may still take, percent", 50.0, 0.0),
    Input("simulated", "boolean", "the facts are a scenario's", True),
)

_CANARY = (
    Input("error_rate_percent", "number", "failed requests of the worst source, percent", 0.0, 100.0, nullable=True),
    Input("error_rate_seen_percent", "number", "the same, few samples taken as they are", 0.0, 100.0, nullable=True),
    Input("error_rate_said", "string", "the failed requests of that source in words", ""),
    Input("p99_latency_ms", "number", "99 % are as fast, in the worst source, ms", 20.0, HUGE_MS, nullable=True),
    Input("p99_latency_seen_ms", "number", "the same, few samples taken as likely", 0.0, HUGE_MS, nullable=True),
    Input("p99_latency_said", "string", "the requests that the p99 is of, in words", ""),
    Input("p99_is_lower_bound", "boolean", "the p99 lies beyond the last bucket", False, True),
    Input("window_seconds", "number", "how long was measured", 10.0),
    Input("samples", "integer", "requests that were counted", 1000, 0, MANY),
    Input("in_flight", "integer", "requests that the canary is answering now", 0, 100_000, nullable=True),
    Input("sources", "object", "each source with its own figures", parts=_SOURCES),
    Input("versus_stable", "object", "stable over the same window, by the source of the p99", parts=_VERSUS),
    Input("notes", "array", "why a source was not used, and other remarks", []),
)

MEASURED: Mapping[Gate, tuple[Input, ...]] = {"infrastructure": _HOST, "canary": _CANARY}
"""What each gate measures."""

CONTEXT = (
    Input("thresholds", "object", "`thresholds` of data.json"),
    Input("action", "string", "the command: deploy, promote, status ..."),
    Input("target_mode", "string", "track that is to receive traffic: stable or canary", nullable=True),
    Input("timestamp", "string", "when policy is asked: UTC, ISO 8601 with Z"),
)
"""What every gate tells besides."""

JUDGED: Mapping[Gate, tuple[str, ...]] = {
    "infrastructure": ("disk_free_gb", "cpu_load_1m", "cpu_count", "mem_free_percent"),
    "canary": ("error_rate_percent", "p99_latency_ms", "p99_is_lower_bound", "samples"),
}
"""What the shipped policies judge."""

FIGURES: Mapping[Gate, tuple[str, ...]] = {
    gate: tuple(one.name for one in MEASURED[gate] if one.name in JUDGED[gate] and one.kind != "boolean")
    for gate in GATES
}
"""What each gate compares with its limits: numbers, or the gate cannot decide."""


def fields(gate: Gate) -> tuple[Input, ...]:
    """All fields of a gate's input."""
    return (*MEASURED[gate], *CONTEXT)


def healthy(gate: Gate) -> dict[str, Json]:
    """What the gate measures where nothing is wrong."""
    return {one.name: _all(one, "healthy") for one in MEASURED[gate]}


def worst(gate: Gate) -> dict[str, Json]:
    """What the gate measures where all is as bad as it can be, beyond any doubt."""
    return {one.name: _all(one, "worst") for one in MEASURED[gate]}


def bad(one: Input) -> Json:
    """The value of one field that speaks against a change."""
    return _all(one, "bad")


def _all(one: Input, which: Literal["healthy", "bad", "worst"]) -> Json:
    if one.parts:
        return {part.name: _all(part, which) for part in one.parts}
    if which == "healthy" or not one.judged:
        return one.healthy
    return one.worst if which == "worst" and one.worst is not None else one.bad


def around(thresholds: Json, action: str, target_mode: str | None, timestamp: str) -> dict[str, Json]:
    """What every gate tells besides what it measures."""
    return {"thresholds": thresholds, "action": action, "target_mode": target_mode, "timestamp": timestamp}


def sent(gate: Gate) -> frozenset[str]:
    """Every dotted name that the gate sends: `sources.users.samples` and each part of the way to it."""
    return frozenset(".".join(path) for one in fields(gate) for path in _paths(one, ()))


def _paths(one: Input, before: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield (*before, one.name)
    for part in one.parts:
        yield from _paths(part, (*before, one.name))


def open_ended(gate: Gate) -> frozenset[str]:
    """Names of the objects that may hold any field: thresholds are the project's own."""
    return frozenset(one.name for one in fields(gate) if one.kind == "object" and not one.parts)


def json_schema(gate: Gate) -> dict[str, Json]:
    """The gate's input as JSON Schema 2020-12, fit for `opa check --strict --schema`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Input of SwiftDeploy's {gate} gate",
        **_object(fields(gate)),
    }


def _object(parts: tuple[Input, ...]) -> dict[str, Json]:
    properties: dict[str, Json] = {one.name: _schema(one) for one in parts}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _schema(one: Input) -> Json:
    if one.parts:  # never null: OPA checks the names of fields only where nothing but an object is possible
        return {"description": one.meaning, **_object(one.parts)}
    return {"description": one.meaning, "type": [one.kind, "null"] if one.nullable else one.kind}


def table(gate: Gate) -> str:
    """The fields of a gate's input as a Markdown table, as in docs/policies.md."""
    rows = "".join(f"| `{one.name}` | {_words(one)} | {one.meaning} |\n" for one in fields(gate))
    return f"| field | type | meaning |\n|---|---|---|\n{rows}"


def _words(one: Input) -> str:
    return one.kind + (", or null" if one.nullable else "")


def source_table() -> str:
    """The fields of each source as a Markdown table."""
    rows = "".join(f"| `{one.name}` | {_words(one)} | {one.meaning} |\n" for one in _figures("this source"))
    return f"| field | type | meaning |\n|---|---|---|\n{rows}"

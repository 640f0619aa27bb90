"""What the policy of one gate reads of its input and of data.json, and which of it nobody sends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from swiftdeploy.model import inputs, limits, nearest, policydata, rego, skim
from swiftdeploy.model.decision import GATES, Gate, Json, PolicySet
from swiftdeploy.model.errors import Finding
from swiftdeploy.model.regolang import references
from swiftdeploy.model.regolang.parse import parse
from swiftdeploy.model.regolang.references import Reference
from swiftdeploy.model.regolang.tree import Unread


@dataclass(frozen=True)
class Unsent:
    """A name that a policy reads and no gate sends: `input.error_rate`, where, and the nearest that is sent."""

    name: str
    file: str
    line: int
    nearest: str | None

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest}?" if self.nearest else ""
        return f"{self.file}:{self.line}: {self.name} is sent by no gate{hint}"


def files(gate: Gate, policies: PolicySet) -> dict[str, str]:
    """The files that a gate's policy consists of: all but those of the other gate's package."""
    others = {policies.packages[one] for one in GATES if one != gate} - {policies.packages[gate]}
    return {name: text for name, text in policies.files.items() if rego.package(text) not in others}


def names(gate: Gate, policies: PolicySet) -> frozenset[str]:
    """The dotted names of the input that the gate's policy reads, each with the objects on the way to it."""
    found = _inputs(files(gate, policies))
    return frozenset(".".join(one.path[:length]) for one in found for length in range(1, len(one.path) + 1))


def _inputs(mine: Mapping[str, str]) -> tuple[Reference, ...]:
    skimmed = (one for file in _unparsed(mine) for one in skim.inputs(file, mine[file]))
    return (*references.inputs(mine), *skimmed)


def _thresholds(mine: Mapping[str, str]) -> tuple[Reference, ...]:
    skimmed = (one for file in _unparsed(mine) for one in skim.thresholds(file, mine[file]))
    return (*references.thresholds(mine), *skimmed)


def _unparsed(mine: Mapping[str, str]) -> Iterator[str]:
    for file, text in rego.modules(mine).items():
        try:
            parse(file, text)
        except Unread:
            yield file


def unread(gate: Gate, policies: PolicySet) -> tuple[str, ...]:
    """The figures that the shipped policies judge and this gate's policy never looks at."""
    read = names(gate, policies)
    skipped = {"cpu_count"} if "max_cpu_load_per_cpu" not in policydata.thresholds(policies.files) else set()
    return tuple(name for name in inputs.JUDGED[gate] if name not in read and name not in skipped)


def unsent(gate: Gate, policies: PolicySet) -> tuple[Unsent, ...]:
    """Every name that the gate's policy reads and the gate does not send, each once."""
    found = {one.name: one for one in reversed(tuple(_unsent(gate, policies)))}
    return tuple(sorted(found.values(), key=lambda one: (one.file, one.line, one.name)))


def _unsent(gate: Gate, policies: PolicySet) -> Iterator[Unsent]:
    sent, open_ended = inputs.sent(gate), inputs.open_ended(gate)
    shared = _of_both(policies)
    for one in _inputs(files(gate, policies)):
        name = ".".join(one.path)
        known = name in sent or one.path[0] in open_ended
        if not known and not (one.file in shared and _sent_by_any(one)):
            yield Unsent(f"input.{name}", policies.place(one.file), one.line, _near(one, sent))


def _of_both(policies: PolicySet) -> frozenset[str]:
    """Files that both gates share: what they read may be the other gate's."""
    return frozenset(files("infrastructure", policies)) & frozenset(files("canary", policies))


def _sent_by_any(one: Reference) -> bool:
    return any(".".join(one.path) in inputs.sent(gate) for gate in GATES)


def _near(one: Reference, sent: frozenset[str]) -> str | None:
    """The nearest name that is sent: of the whole, or of its last part, which is where a figure's own name stands."""
    figures = [name for names in inputs.JUDGED.values() for name in names if name in sent]
    for word in (".".join(one.path), one.path[-1]):
        for known in (figures, sorted(sent)):  # a figure is what a policy is about
            if found := nearest.nearest(word, known) or _begins(word, known):
                return f"input.{found}"
    return None


def _begins(word: str, sent: Iterable[str]) -> str | None:
    """`error_rate` begins `error_rate_percent`, `p99_latency` begins `p99_latency_ms`."""
    return min((one for one in sent if one.startswith(f"{word}_")), key=len, default=None)


def thresholds(gate: Gate, policies: PolicySet) -> dict[str, Json]:
    """The thresholds that the gate's policy reads, with their values in data.json; None for one that is missing and may
    not be."""
    given = policydata.given(policies.files)
    read = (one.path[0] for one in _limits_read(gate, policies))
    return {name: given.get(name) for name in read if name in given or name not in limits.needless(given)}


def _limits_read(gate: Gate, policies: PolicySet) -> tuple[Reference, ...]:
    """Thresholds that the gate's policy reads in data.json or in the input; each path begins with its name."""
    mine = files(gate, policies)
    shared = _of_both(policies)
    others = frozenset(name for other in GATES if other != gate for name in limits.OF_GATE[other])
    by_input = (replace(one, path=one.path[1:]) for one in _inputs(mine) if one.path[0] == "thresholds")
    found = (*_thresholds(mine), *(one for one in by_input if one.path))
    return tuple(one for one in found if not (one.file in shared and one.path[0] in others))


def unusable_thresholds(gate: Gate, policies: PolicySet) -> tuple[Finding, ...]:
    """Thresholds that the gate's policy compares with and that are missing or no number of zero or more, each with its
    place in data.json. A comparison with one of them would say nothing of the release or the host."""
    if wrong := rego.bad_data(policies.files):
        return tuple(replace(one, file=policies.place(one.file)) for one in wrong)
    given, read = policydata.given(policies.files), _limits_read(gate, policies)
    needed = tuple(one for one in read if one.path[0] not in limits.needless(given))
    if needed and not given:
        return (_finding(replace(needed[0], path=()), "is missing, empty or no object", policies),)
    found: dict[str, Finding] = {}
    for one in read:
        if one.path[0] not in found and (what := _wrong(one, given)):
            found[one.path[0]] = _finding(one, what, policies)
    return tuple(found.values())


def _wrong(one: Reference, given: Mapping[str, Json]) -> str:
    name = one.path[0]
    if name not in given:
        return "" if name in limits.needless(given) else "is missing"
    if name in limits.replaced(given) or (isinstance(given[name], dict) and len(one.path) > 1):
        return ""
    return policydata.no_limit(given[name])


def _finding(one: Reference, what: str, policies: PolicySet) -> Finding:
    line, column = rego.place_of(policies.files.get("data.json", ""), f'"{(*one.path, "thresholds")[0]}"')
    reader = f"{policies.place(one.file)}:{one.line} compares with it"
    name = ".".join(("thresholds", *one.path[:1]))
    return Finding(policies.place("data.json"), line, column, name, f"{what}, and {reader}")

"""What policy said, with the exact input it saw, who judged, and the digest of the policies in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Gate = Literal["infrastructure", "canary"]
GATES: tuple[Gate, ...] = ("infrastructure", "canary")
Outcome = Literal["allow", "deny", "none"]


@dataclass(frozen=True)
class PolicySet:
    """The policy files in force: names to texts (`canary.rego`, `data.json`; `*_test.rego` beside them).
    `packaged` is true when the project has no `policies/` of its own. `digest` is a sha256 over names and texts
    of all files but the tests."""

    files: Mapping[str, str]
    digest: str
    packaged: bool


@dataclass(frozen=True)
class Decision:
    """One decision. `outcome` is `none` when no decision could be made; `failure` then says why.

    `unenforced`: the judge was unavailable and `opa.on_unavailable: allow` let the change through.
    `warning`: what a user must know although the decision stands (e.g. OPA refused, the embedded judge decided).
    """

    gate: Gate
    outcome: Outcome
    reasons: tuple[str, ...]
    input: Mapping[str, Json]
    judge: str
    policy_digest: str
    packaged: bool = False
    domain: str = ""
    checked: Mapping[str, Json] = field(default_factory=dict)
    evidence: Literal["sufficient", "insufficient"] | None = None
    failure: str = ""
    warning: str = ""
    unenforced: bool = False
    override: str = ""

    @property
    def allow(self) -> bool:
        return self.outcome == "allow"

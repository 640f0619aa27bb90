"""What policy said, with the exact input it saw, who judged, and the digest of the policies in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Gate = Literal["infrastructure", "canary"]
GATES: tuple[Gate, ...] = ("infrastructure", "canary")
Outcome = Literal["allow", "deny", "none"]
Blame = Literal["", "policy", "thresholds", "denial"]

PACKAGES: Mapping[Gate, str] = {gate: f"swiftdeploy.{gate}" for gate in GATES}
"""The package of each gate, where the manifest names no other."""
FOLDER = "policies"
"""Where a project has its policies, when the manifest names no other folder."""


@dataclass(frozen=True)
class PolicySet:
    """The policy files in force: names to texts (`canary.rego`, `data.json`; `*_test.rego` beside them).
    `packaged` is true when the project has no `policies/` of its own. `digest` is a sha256 over names and texts
    of all files but the tests, and over the packages when they are not the usual ones. `packages` are those of the
    gates, `folder` is where the files lie, relative to the project."""

    files: Mapping[str, str]
    digest: str
    packaged: bool
    packages: Mapping[Gate, str] = field(default_factory=lambda: PACKAGES)
    folder: str = FOLDER

    def place(self, file: str) -> str:
        """Where a person finds a file of the set: `policies/data.json`, `packaged data.json`."""
        return f"packaged {file}" if self.packaged else f"{self.folder}/{file}"


@dataclass(frozen=True)
class Decision:
    """One decision. `outcome` is `none` when no decision could be made; `failure` then says why.

    `unenforced`: the judge was unavailable and `opa.on_unavailable: allow` let the change through.
    `warning`: what a user must know although the decision stands (e.g. OPA refused, the embedded judge decided).
    `warnings` are the policy's own (Conftest's `warn`), which never deny. `proven`: this judge was asked about the
    worst and the empty input under these policies, and allowed neither. `blame` says what has to be mended when that
    is not the judge: the policy files, or their thresholds.
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
    warnings: tuple[str, ...] = ()
    proven: bool = False
    blame: Blame = ""

    @property
    def allow(self) -> bool:
        return self.outcome == "allow"

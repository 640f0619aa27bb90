"""The OPA server as judge: it must answer for the very policies on disk, or it did not answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from swiftdeploy.judges.opa.server import LOADING, MARKER, Held, Refused, Server, Unavailable
from swiftdeploy.model import judging, policy, policydata, rego
from swiftdeploy.model.decision import PACKAGES, Decision, Gate, Json, PolicySet
from swiftdeploy.model.errors import NoDecision, NotPossible

if TYPE_CHECKING:
    from swiftdeploy.flow.world import Judge

NAME = "opa"
GARBAGE = 'decision := "garbage"\ndeny := "garbage"\nviolation := "garbage"\n'
OnUnavailable = Literal["embedded", "allow", "deny"]


class Unloadable(NoDecision):
    """OPA does not take the policies on disk: they are what has to be mended."""


@dataclass(frozen=True)
class Former:
    """What OPA held before it was given other policies; `data` is None where it was too much to read."""

    modules: Mapping[str, str]
    digest: str
    data: Mapping[str, Json] | None = None


class Opa:
    """A `flow.world.Judge` over an OPA server on 127.0.0.1:`port`, which somebody else starts and stops.

    `fallback` judges when OPA is unavailable and `on_unavailable` is `embedded`. `start` and `stop` act on the server,
    for chaos only; with `reads_only` nothing is ever loaded into it. `packages` are those of
    the gates. Whoever answers anything but a decision of the
    policies on disk is never fallen back from.
    """

    def __init__(
        self,
        port: int,
        on_unavailable: OnUnavailable,
        fallback: Judge,
        timeout_seconds: float = 5.0,
        start: Callable[[], None] | None = None,
        stop: Callable[[], None] | None = None,
        reads_only: bool = False,
        packages: Collection[str] = tuple(PACKAGES.values()),
    ) -> None:
        self._server = Server(port, timeout_seconds)
        self._on_unavailable = on_unavailable
        self._fallback = fallback
        self._start = start
        self._stop = stop
        self._reads_only = reads_only
        self._packages = packages
        self._garbled = False
        self._former: Former | None = None

    def warm(self) -> None:
        """Begin loading the client library without waiting for it."""
        self._server.warm()

    def decide(self, gate: Gate, facts: Mapping[str, Json], policies: PolicySet) -> Decision:
        """Ask OPA for the gate's `decision`, together with the digest of the policies that it holds; load the ones on
        disk first when it holds others."""
        safe = policy.sanitise(facts)
        try:
            return judging.decided(
                gate, safe, NAME, policies, lambda rule, of: self._asked(rule, of, policies).document
            )
        except Unavailable as error:
            return self._without(gate, safe, policies, error.what)
        except Unloadable as error:
            return policy.nothing(gate, safe, NAME, policies, error.what, "policy")
        except NoDecision as error:
            return policy.nothing(gate, safe, NAME, policies, error.what)

    def withdraw(self, policies: PolicySet) -> None:
        """These policies are not in force: OPA holds again what it held before it was given them."""
        former, self._former = self._former, None
        with contextlib.suppress(NoDecision):
            if former and self.in_force() == policies.digest:
                self._server.mark(LOADING)
                self._restore(former)
        self._fallback.withdraw(policies)

    def in_force(self) -> str | None:
        """The digest that OPA holds; None when it holds none or nobody answers as OPA does."""
        try:
            return self._server.ask(f"data.{MARKER}.digest", {}).digest
        except NoDecision:
            return None

    def hurt(self, fault: Literal["down", "garbage", "recover"]) -> None:
        """Chaos: stop the server, load rules into it that answer garbage, or take both back. Raises NotPossible where
        the server is not ours to stop, NoDecision where it does not answer."""
        if fault == "down":
            _ours(self._stop)()
        elif self._start is not None:
            self._start()
        if fault == "garbage":
            self._garbled = True
            self._server.clear()
            self._server.add({f"{package}.rego": f"package {package}\n{GARBAGE}" for package in self._packages})
        if fault == "recover":
            if self._garbled:
                self._server.mark(LOADING)  # so that the next decision loads the policies on disk
            self._garbled = False

    def close(self) -> None:
        """Close connections and end the fallback's child process; the server is not ours."""
        self._server.close()
        self._fallback.close()

    def _asked(self, rule: str, facts: Mapping[str, Json], policies: PolicySet) -> Held:
        held = self._first(rule, facts, policies)
        if held.digest != policies.digest and self._reads_only:
            raise NoDecision(f"{policies.folder}/ is edited, not in force: the next gate loads it")
        if held.digest != policies.digest and not self._garbled:
            self._load(policies)
            held = self._server.ask(rule, facts)
        if held.digest != policies.digest:
            raise NoDecision(
                f"{self._server.place} holds other policies ({held.digest}) than those on disk ({policies.digest})"
            )
        return held

    def _first(self, rule: str, facts: Mapping[str, Json], policies: PolicySet) -> Held:
        """What OPA holds and says now. An error of other rules than those on disk is no answer, and must not keep the
        ones on disk from being loaded."""
        try:
            return self._server.ask(rule, facts)
        except Unavailable:
            raise
        except NoDecision:
            held = self._server.ask("1", {})
            if held.digest == policies.digest:
                raise
            return held

    def _without(self, gate: Gate, facts: dict[str, Json], policies: PolicySet, why: str) -> Decision:
        """What it means that OPA is unavailable."""
        if self._on_unavailable == "embedded":
            decision = self._fallback.decide(gate, facts, policies)
            return replace(decision, warning=f"{why}; the {decision.judge} judge decided on the same files")
        if self._on_unavailable == "deny":
            return policy.nothing(gate, facts, NAME, policies, f"{why} (opa.on_unavailable: deny)")
        lacking = policy.too_little_evidence(gate, facts, policies.files)
        if lacking:
            return policy.nothing(gate, facts, NAME, policies, f"{why}, and there is too little evidence: {lacking}")
        warning = f"{why}; going on WITHOUT a policy decision (opa.on_unavailable: allow)"
        nobody = policy.nothing(gate, facts, "none", policies, "")
        return replace(nobody, outcome="allow", domain=gate, warning=warning, unenforced=True)

    def _load(self, policies: PolicySet) -> None:
        """Make OPA hold these policies and their data. When it refuses them, it holds the old ones afterwards."""
        wrong = rego.unusable(policies.files)
        if wrong:
            raise Unloadable("policy does not compile: " + "\n".join(map(str, wrong)))
        modules = rego.modules(policies.files)
        documents = policydata.documents(policies.files.get("data.json", ""))
        former = Former(self._server.held(), self._server.ask("1", {}).digest or LOADING)
        try:
            self._former = self._replace(former, modules, documents, policies.digest)
        except Refused as error:
            found = "\n".join(map(str, error.findings)) or error.what
            raise Unloadable(f"policy does not compile: {found}" if error.findings else error.what) from error

    def _replace(self, former: Former, new: Mapping[str, str], documents: Mapping[str, Json], digest: str) -> Former:
        """Other modules and data, or the former ones again when OPA refuses any of them. The former ones with their
        data, which rules hide until the modules are gone."""
        self._server.mark(LOADING)
        try:
            self._server.clear()
            with contextlib.suppress(NoDecision):  # too much to read is not kept; silence shows in the next step
                former = replace(former, data=self._server.data())
            self._server.put_data({}, LOADING)  # data in the place of a rule would keep it out
            self._server.add(new)
            self._server.put_data(documents, digest)
        except Refused:
            self._restore(former)
            raise
        return former

    def _restore(self, former: Former) -> None:
        with contextlib.suppress(Refused):  # of files that need each other's functions none can go first
            self._server.clear()
        if former.data is not None:
            self._server.put_data(former.data, LOADING)
        self._server.add(former.modules)
        self._server.mark(former.digest)


def _ours(act: Callable[[], None] | None) -> Callable[[], None]:
    if act is None:
        raise NotPossible(
            "this OPA server was not started here, so it cannot be stopped", "use the embedded judge for this fault"
        )
    return act

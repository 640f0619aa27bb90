"""Policy sets in the styles that people write for this job, and what is wrong with each: they gate nothing.

Each is the text of an infrastructure and of a canary policy. Names of figures are those that other systems send.
"""

from __future__ import annotations

from dataclasses import dataclass

HOST = """package swiftdeploy.infrastructure

default allow := false

allow if {
	input.disk_free_gb >= data.thresholds.min_disk_free_gb
	input.mem_free_percent >= data.thresholds.min_mem_free_percent
}

reasons contains "the host is full" if not allow

decision := {"allow": allow, "reasons": reasons, "domain": "infrastructure", "checked": {}}
"""

RELEASE = """package swiftdeploy.canary

default allow := false

allow if {
	input.error_rate_percent <= data.thresholds.max_error_rate_percent
	input.p99_latency_ms <= data.thresholds.max_p99_latency_ms
	input.samples >= data.thresholds.min_samples
}

reasons contains "the release is bad" if not allow

decision := {"allow": allow, "reasons": reasons, "domain": "canary", "checked": {}}
"""


@dataclass(frozen=True)
class Vacuous:
    """A set that allows what nobody may. `says` are parts of what must be said of it."""

    name: str
    canary: str = RELEASE
    infrastructure: str = HOST
    says: tuple[str, ...] = ()

    @property
    def files(self) -> dict[str, str]:
        return {"canary.rego": self.canary, "infrastructure.rego": self.infrastructure}


def _denies(gate: str, *rules: str) -> str:
    """A `decision` that allows unless one of the rules finds something."""
    reasons = "\n".join(f'reasons contains "rule {n}" if {rule}' for n, rule in enumerate(rules))
    shape = f'{{"allow": allow, "reasons": reasons, "domain": "{gate}", "checked": {{}}}}'
    allow = "default allow := false\n\nallow if count(reasons) == 0"
    return f"package swiftdeploy.{gate}\n\n{reasons}\n\n{allow}\n\ndecision := {shape}\n"


def _conftest(gate: str, text: str) -> str:
    return f"package swiftdeploy.{gate}\n\n{text}\n"


VACUOUS = (
    Vacuous(
        "names without a unit",
        canary=_denies("canary", "input.error_rate > 0.01", "input.p99_latency > 500"),
        says=("canary.rego:3: input.error_rate is sent by no gate; did you mean input.error_rate_percent?",
              "canary.rego:4: input.p99_latency is sent by no gate; did you mean input.p99_latency_ms?",
              "it never looks at error_rate_percent, p99_latency_ms"),
    ),
    Vacuous(
        "a nested document",
        canary=_denies("canary", "input.metrics.error_rate > 1", "input.metrics.latency.p99 > 500"),
        says=("input.metrics.error_rate is sent by no gate",),
    ),
    Vacuous(
        "host facts of another name",
        infrastructure=_denies("infrastructure", "input.cpu_load > 2", "input.host.disk_free_gb < 10"),
        says=("infrastructure.rego:3: input.cpu_load is sent by no gate; did you mean input.cpu_load_1m?",
              "input.host.disk_free_gb is sent by no gate; did you mean input.disk_free_gb?"),
    ),
    Vacuous(
        "an import of a part",
        canary="""package swiftdeploy.canary

import input.stats as stats

default allow := true

allow := false if stats.errors > 10

decision := {"allow": allow, "reasons": [], "domain": "canary", "checked": {}}
""",
        says=("input.stats.errors is sent by no gate",),
    ),
    Vacuous(
        "object.get with a good default",
        canary=_denies("canary", 'object.get(input, "failures", 0) > 3', 'object.get(input, "latency_p99", 0) > 900'),
        says=("input.failures is sent by no gate",),
    ),
    Vacuous(
        "a switch that is always on",
        canary="""package swiftdeploy.canary

decision := {"allow": true, "reasons": [], "domain": "canary", "checked": {}}
""",
        says=("it never looks at error_rate_percent, p99_latency_ms, p99_is_lower_bound, samples",),
    ),
    Vacuous(
        "a typo in one letter",
        canary=_denies("canary", "input.eror_rate_percent > data.thresholds.max_error_rate_percent"),
        says=("input.eror_rate_percent is sent by no gate; did you mean input.error_rate_percent?",),
    ),
    Vacuous(
        "Conftest with names of others",
        canary=_conftest("canary", 'deny contains "too many errors" if input.errors.percent > 1'),
        says=("input.errors.percent is sent by no gate",),
    ),
    Vacuous(
        "Conftest that denies bad figures, and not their absence",
        infrastructure=_conftest(
            "infrastructure",
            'deny contains msg if {\n\tinput.disk_free_gb < 10\n\tmsg := sprintf("disk %v", [input.disk_free_gb])\n}',
        ),
        says=("allows an input without a single figure", 'deny contains "no disk_free_gb" if'),
    ),
    Vacuous(
        "Conftest that only warns of what it finds",
        canary=_conftest(
            "canary",
            'warn contains {"msg": "slow"} if input.p99_latency_ms > 500\n\ndeny contains "never" if false',
        ),
        says=("it never looks at error_rate_percent",),
    ),
    Vacuous(
        "a good figure for what is missing",
        canary=RELEASE.replace("input.error_rate_percent", 'object.get(input, "error_rate_percent", 0)')
        .replace("input.p99_latency_ms", 'object.get(input, "p99_latency_ms", 0)')
        .replace("input.samples", 'object.get(input, "samples", 1000)'),
        says=("allows an input without a single figure",),
    ),
    Vacuous(
        "only on some days",
        canary=_denies("canary", 'startswith(input.timestamp, "2020")', 'input.action == "rollback"'),
        says=("it never looks at error_rate_percent",),
    ),
)  # fmt: skip

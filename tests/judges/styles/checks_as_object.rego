package swiftdeploy.canary

import rego.v1

checks["errors"] := input.error_rate_percent <= 1

checks["latency"] := input.p99_latency_ms <= 500

checks["samples"] := input.samples >= 100

failed := {name | some name, ok in checks; not ok}

default allow := false

allow if {
	count(checks) == 3
	count(failed) == 0
}

reasons contains sprintf("check %s failed", [name]) if some name in failed

reasons contains "a figure is missing" if count(checks) < 3

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

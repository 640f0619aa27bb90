package swiftdeploy.canary

import rego.v1

default allow := false

allow if {
	input.action == "rollback"
}

allow if {
	input.action in {"promote", "deploy"}
	healthy
}

healthy if {
	input.error_rate_percent < 1
	input.p99_latency_ms < 500
}

strict if input.target_mode == "stable"

reasons contains "not healthy" if not healthy

reasons contains "few samples for stable" if {
	strict
	input.samples < 300
}

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

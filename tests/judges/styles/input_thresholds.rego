package swiftdeploy.canary

import rego.v1

import input.thresholds as limits

default allow := false

allow if {
	input.error_rate_percent <= limits.max_error_rate_percent
	input.p99_latency_ms <= limits.max_p99_latency_ms
}

reasons contains msg if {
	not input.error_rate_percent <= limits.max_error_rate_percent
	msg := "error rate is above its limit"
}

reasons contains msg if {
	not input.p99_latency_ms <= limits.max_p99_latency_ms
	msg := "latency is above its limit"
}

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

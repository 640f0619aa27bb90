package swiftdeploy.canary

import rego.v1

default allow := false

allow if {
	input.error_rate_percent <= 1.0
	input.p99_latency_ms <= 500.0
	input.samples >= 100
}

reasons contains sprintf("error rate is %v %%, at most 1 %% is allowed", [input.error_rate_percent]) if input.error_rate_percent > 1.0

reasons contains sprintf("p99 is %v ms, at most 500 ms is allowed", [input.p99_latency_ms]) if input.p99_latency_ms > 500.0

reasons contains "too few samples" if not enough

enough if input.samples >= 100

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

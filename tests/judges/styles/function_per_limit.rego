package swiftdeploy.canary

import rego.v1

within(value, limit) if {
	is_number(value)
	value >= 0
	value <= limit
}

error_ok if within(input.error_rate_percent, data.thresholds.max_error_rate_percent)

latency_ok if within(input.p99_latency_ms, data.thresholds.max_p99_latency_ms)

samples_ok if {
	is_number(input.samples)
	input.samples >= data.thresholds.min_samples
}

default allow := false

allow if {
	error_ok
	latency_ok
	samples_ok
	input.p99_is_lower_bound == false
}

reasons contains "error rate" if not error_ok

reasons contains "latency" if not latency_ok

reasons contains "samples" if not samples_ok

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

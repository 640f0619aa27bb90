package swiftdeploy.canary

import rego.v1

sources := {"users", "proxy"}

default allow := false

allow if {
	every name in sources {
		input[name].error_rate_percent <= data.thresholds.max_error_rate_percent
		input[name].p99_latency_ms <= data.thresholds.max_p99_latency_ms
	}
	input.error_rate_percent <= data.thresholds.max_error_rate_percent
	input.p99_latency_ms <= data.thresholds.max_p99_latency_ms
}

reasons contains sprintf("%s has %v %% errors", [name, input[name].error_rate_percent]) if {
	some name in sources
	input[name].error_rate_percent > data.thresholds.max_error_rate_percent
}

reasons contains "not all sources are well" if not allow

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

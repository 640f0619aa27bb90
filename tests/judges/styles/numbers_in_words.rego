package swiftdeploy.canary

import rego.v1

percent(x) := sprintf("%.2f%%", [x])

default allow := false

allow if {
	input.error_rate_percent <= data.thresholds.max_error_rate_percent
	input.p99_latency_ms <= data.thresholds.max_p99_latency_ms
}

reasons contains concat(" ", ["error rate", percent(input.error_rate_percent), "limit", percent(data.thresholds.max_error_rate_percent)]) if {
	input.error_rate_percent > data.thresholds.max_error_rate_percent
}

reasons contains concat(" ", ["p99", format_int(floor(input.p99_latency_ms), 10), "ms"]) if {
	input.p99_latency_ms > data.thresholds.max_p99_latency_ms
}

reasons contains "no figures" if {
	not input.error_rate_percent
	not input.p99_latency_ms
}

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

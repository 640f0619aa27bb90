package swiftdeploy.canary

import rego.v1

limits := data.thresholds

default allow := false

allow if count(reasons) == 0

reasons contains msg if {
	rate := object.get(input, "error_rate_percent", 100)
	rate > limits.max_error_rate_percent
	msg := sprintf("error rate %.2f is above %.2f", [rate, limits.max_error_rate_percent])
}

reasons contains msg if {
	p99 := object.get(input, "p99_latency_ms", 99999)
	p99 > limits.max_p99_latency_ms
	msg := sprintf("p99 %v is above %v", [p99, limits.max_p99_latency_ms])
}

reasons contains "no samples" if object.get(input, "samples", 0) < limits.min_samples

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

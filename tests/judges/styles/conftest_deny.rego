package swiftdeploy.canary

import rego.v1

deny contains msg if {
	input.error_rate_percent > data.thresholds.max_error_rate_percent
	msg := sprintf("error rate is %v", [input.error_rate_percent])
}

deny contains msg if {
	input.p99_latency_ms > data.thresholds.max_p99_latency_ms
	msg := sprintf("p99 is %v", [input.p99_latency_ms])
}

deny contains msg if {
	some field in ["error_rate_percent", "p99_latency_ms", "samples"]
	object.get(input, field, null) == null
	msg := sprintf("%s is missing", [field])
}

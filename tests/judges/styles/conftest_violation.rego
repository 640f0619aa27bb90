package swiftdeploy.canary

import rego.v1

required := {"error_rate_percent", "p99_latency_ms", "samples"}

violation contains {"msg": msg, "field": field} if {
	some field in required
	not is_number(object.get(input, field, null))
	msg := concat("", [field, " is no number"])
}

violation contains {"msg": "slow"} if input.p99_latency_ms >= 500

violation contains {"msg": "failing"} if input.error_rate_percent >= 1

violation contains {"msg": "unknown"} if input.samples < data.thresholds.min_samples

warn contains "few" if input.samples < 1000

package swiftdeploy.canary

import rego.v1

limits := [
	{"field": "error_rate_percent", "max": 1.0},
	{"field": "p99_latency_ms", "max": 500.0},
]

broken contains limit.field if {
	some limit in limits
	not below(limit)
}

below(limit) if {
	value := object.get(input, limit.field, null)
	is_number(value)
	value <= limit.max
}

default allow := false

allow if count(broken) == 0

reasons contains sprintf("%s is %v", [field, object.get(input, field, "missing")]) if some field in broken

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

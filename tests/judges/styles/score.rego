package swiftdeploy.canary

import rego.v1

points contains 50 if input.error_rate_percent > 1

points contains 30 if input.p99_latency_ms > 500

points contains 25 if input.samples < 100

points contains 100 if not complete

complete if {
	is_number(input.error_rate_percent)
	is_number(input.p99_latency_ms)
	is_number(input.samples)
}

score := sum(points)

default allow := false

allow if score < 25

reasons contains sprintf("score is %d", [score]) if not allow

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

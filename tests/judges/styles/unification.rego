package swiftdeploy.canary

import rego.v1

default allow := false

allow if {
	rate = input.error_rate_percent
	rate <= 1
	p99 = input.p99_latency_ms
	p99 <= 500
}

reasons contains sprintf("rate is %v", [rate]) if {
	rate := input.error_rate_percent
	not rate <= 1
}

reasons contains "not within limits" if not allow

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

package swiftdeploy.canary

import rego.v1

level := "critical" if {
	input.error_rate_percent > 10
} else := "bad" if {
	input.error_rate_percent > 1
} else := "slow" if {
	input.p99_latency_ms > 500
} else := "good" if {
	input.error_rate_percent >= 0
	input.p99_latency_ms >= 0
}

default allow := false

allow if level == "good"

reasons contains concat("", ["level is ", level]) if level != "good"

reasons contains "level is unknown" if not level

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

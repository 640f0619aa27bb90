package swiftdeploy.canary

import future.keywords.contains
import future.keywords.every
import future.keywords.if
import future.keywords.in

default allow = false

allow if {
	every name in ["error_rate_percent", "p99_latency_ms"] {
		input[name] >= 0
	}
	input.error_rate_percent <= 1
	input.p99_latency_ms <= 500
}

reasons contains msg if {
	not allow
	msg := "not within limits"
}

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

package swiftdeploy.canary

import rego.v1

rates := [source.error_rate_percent | some name in ["users", "proxy", "stable"]; source := input[name]]

slowest := max([source.p99_latency_ms | some name in ["users", "proxy"]; source := input[name]])

default allow := false

allow if {
	count(rates) > 0
	max(rates) <= 1
	slowest <= 500
	input.samples > 0
}

reasons contains sprintf("worst rate is %v", [max(rates)]) if max(rates) > 1

reasons contains "slow" if slowest > 500

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

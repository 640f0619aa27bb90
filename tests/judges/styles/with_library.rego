package swiftdeploy.canary

import rego.v1

import data.lib.figures

default allow := false

allow if {
	figures.below(input, "error_rate_percent", 1)
	figures.below(input, "p99_latency_ms", 500)
	figures.complete
}

reasons contains figures.reason("error_rate_percent") if not figures.below(input, "error_rate_percent", 1)

reasons contains figures.reason("p99_latency_ms") if not figures.below(input, "p99_latency_ms", 500)

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

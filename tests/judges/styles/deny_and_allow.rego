package swiftdeploy.canary

import rego.v1

deny contains "errors" if input.error_rate_percent > 1

deny contains "latency" if input.p99_latency_ms > 500

deny contains "no figures" if not has_figures

has_figures if {
	input.error_rate_percent >= 0
	input.p99_latency_ms >= 0
}

allow := count(deny) == 0

reasons := deny

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

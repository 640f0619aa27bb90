package swiftdeploy.canary

import rego.v1

tolerated := 20

slower := round((input.p99_latency_ms * 100) / input.stable.p99_latency_ms) - 100

default allow := false

allow if {
	input.error_rate_percent <= 1
	fast_enough
}

fast_enough if input.p99_latency_ms <= data.thresholds.max_p99_latency_ms

fast_enough if slower <= tolerated

reasons contains sprintf("p99 is %d %% above stable", [slower]) if {
	not fast_enough
	slower > tolerated
}

reasons contains "failing" if not input.error_rate_percent <= 1

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

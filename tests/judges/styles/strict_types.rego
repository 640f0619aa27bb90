package swiftdeploy.canary

import rego.v1

figure(name) := input[name] if {
	is_number(input[name])
	input[name] >= 0
}

default allow := false

allow if {
	figure("error_rate_percent") <= 1
	figure("p99_latency_ms") <= 500
	figure("samples") >= 100
	not lower_bound
}

lower_bound if object.get(input, "p99_is_lower_bound", true) != false

reasons contains sprintf("%s is no figure", [name]) if {
	some name in {"error_rate_percent", "p99_latency_ms", "samples"}
	not figure(name)
}

reasons contains "p99 is a lower bound" if lower_bound

reasons contains "beyond a limit" if not allow

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"checked": {},
}

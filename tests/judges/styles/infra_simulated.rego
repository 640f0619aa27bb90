package swiftdeploy.infrastructure

import rego.v1

real if not input.simulated

default allow := false

allow if {
	real
	enough
}

allow if {
	input.simulated == true
	enough
	trim_space(input.note) != "broken"
}

allow if {
	input.simulated == true
	enough
	not input.note
}

enough if {
	input.disk_free_gb >= 10
	input.mem_free_percent >= 10
	input.cpu_load_1m < 3
}

reasons contains "not enough" if not enough

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "infrastructure",
	"checked": {},
}

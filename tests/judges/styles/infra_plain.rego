package swiftdeploy.infrastructure

import rego.v1

default allow := false

allow if {
	input.disk_free_gb >= 10
	input.cpu_load_1m <= 2
	input.mem_free_percent >= 10
}

reasons contains "disk" if input.disk_free_gb < 10

reasons contains "cpu" if input.cpu_load_1m > 2

reasons contains "memory" if input.mem_free_percent < 10

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "infrastructure",
	"checked": {},
}

package swiftdeploy.infrastructure

import rego.v1

default disk := 0

disk := input.disk_free_gb

default load := 1000

load := input.cpu_load_1m

default memory := 0

memory := input.mem_free_percent

default allow := false

allow if {
	disk >= 10
	load <= 2
	memory >= 10
}

reasons contains sprintf("disk %v, load %v, memory %v", [disk, load, memory]) if not allow

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "infrastructure",
	"checked": {},
}

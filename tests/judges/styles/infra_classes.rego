package swiftdeploy.infrastructure

import rego.v1

class(x) := "none" if x < 5

class(x) := "low" if {
	x >= 5
	x < 10
}

class(x) := "fine" if x >= 10

default allow := false

allow if {
	class(input.disk_free_gb) == "fine"
	class(input.mem_free_percent) in {"fine", "low"}
	input.cpu_load_1m <= data.thresholds.max_cpu_load
}

reasons contains concat(": ", ["disk", class(input.disk_free_gb)]) if class(input.disk_free_gb) != "fine"

reasons contains concat(": ", ["memory", upper(class(input.mem_free_percent))]) if class(input.mem_free_percent) == "none"

reasons contains "load" if input.cpu_load_1m > data.thresholds.max_cpu_load

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "infrastructure",
	"checked": {},
}

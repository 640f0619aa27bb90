package swiftdeploy.infrastructure

import rego.v1

per_cpu := input.cpu_load_1m / input.cpu_count

default allow := false

allow if {
	per_cpu < 0.8
	input.disk_free_gb > data.thresholds.min_disk_free_gb
	input.mem_free_percent > data.thresholds.min_mem_free_percent
}

reasons contains sprintf("load per CPU is %.2f", [per_cpu]) if per_cpu >= 0.8

reasons contains sprintf("disk has %v GB", [input.disk_free_gb]) if input.disk_free_gb <= data.thresholds.min_disk_free_gb

reasons contains "memory is low" if not input.mem_free_percent > data.thresholds.min_mem_free_percent

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "infrastructure",
	"checked": {},
}

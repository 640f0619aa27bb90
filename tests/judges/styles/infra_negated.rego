package swiftdeploy.infrastructure

import rego.v1

default allow := false

allow if not unhealthy

unhealthy if input.disk_free_gb < data.thresholds.min_disk_free_gb

unhealthy if input.cpu_load_1m > data.thresholds.max_cpu_load

unhealthy if input.mem_free_percent < data.thresholds.min_mem_free_percent

unhealthy if not input.disk_free_gb

unhealthy if not input.cpu_load_1m

unhealthy if not input.mem_free_percent

reasons contains "host is unhealthy" if unhealthy

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "infrastructure",
	"checked": {},
}

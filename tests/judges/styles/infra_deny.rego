package swiftdeploy.infrastructure

import rego.v1

min_disk := data.thresholds.min_disk_free_gb

deny contains msg if {
	input.disk_free_gb < min_disk
	msg := sprintf("only %v GB of disk, %v needed", [input.disk_free_gb, min_disk])
}

deny contains msg if {
	input.cpu_load_1m > data.thresholds.max_cpu_load
	msg := sprintf("load is %v", [input.cpu_load_1m])
}

deny contains "memory" if {
	input.mem_free_percent < data.thresholds.min_mem_free_percent
}

deny contains sprintf("%v is missing", [field]) if {
	some field in {"disk_free_gb", "cpu_load_1m", "mem_free_percent"}
	not field in object.keys(input)
}

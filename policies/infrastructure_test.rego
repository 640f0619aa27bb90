package swiftdeploy.infrastructure_test

import rego.v1

import data.swiftdeploy.infrastructure

# Never `with input as {...}`: it crashes the embedded judge;
# and thresholds are written out, because it does not see a rule behind `with data.thresholds as`.
host(disk, load, memory) := decision if {
	decision := infrastructure.decision with input.disk_free_gb as disk
		with input.cpu_load_1m as load
		with input.cpu_count as 4
		with input.mem_free_percent as memory
		with data.thresholds as {"min_disk_free_gb": 10.0, "max_cpu_load": 2.0, "min_mem_free_percent": 10.0}
}

test_healthy_host_is_allowed if {
	host(40.0, 0.5, 50.0).allow == true
	count(host(40.0, 0.5, 50.0).reasons) == 0
	host(40.0, 0.5, 50.0).domain == "infrastructure"
	host(40.0, 0.5, 50.0).checked.disk_free_gb == 40.0
}

test_every_limit_itself_is_allowed if host(10.0, 2.0, 10.0).allow == true

test_full_disk_is_denied if {
	host(8.2, 0.5, 50.0).allow == false
	host(8.2, 0.5, 50.0).reasons == {"disk_free_gb is 8.2, minimum required is 10.0"}
}

test_overloaded_host_is_denied if {
	host(40.0, 2.01, 50.0).allow == false
	host(40.0, 2.01, 50.0).reasons == {"cpu_load_1m is 2.01, maximum allowed is 2.0"}
}

test_full_memory_is_denied if {
	host(40.0, 0.5, 9.99).allow == false
	host(40.0, 0.5, 9.99).reasons == {"mem_free_percent is 9.99, minimum required is 10.0"}
}

test_all_that_is_wrong_is_named_at_once if count(host(1, 99, 1).reasons) == 3

test_figures_that_are_none_are_denied if {
	host(null, "high", -1).allow == false
	host(null, "high", -1).reasons == {
		"disk_free_gb is null, minimum required is 10.0",
		"cpu_load_1m is not a number (high), maximum allowed is 2.0",
		"mem_free_percent is -1 (negative), minimum required is 10.0",
	}
}

test_no_input_is_denied_with_every_reason if {
	nothing := infrastructure.decision with data.thresholds as {"min_disk_free_gb": 10.0, "max_cpu_load": 2.0, "min_mem_free_percent": 10.0}
	nothing.allow == false
	nothing.reasons == {
		"disk_free_gb is missing, minimum required is 10.0",
		"cpu_load_1m is missing, maximum allowed is 2.0",
		"mem_free_percent is missing, minimum required is 10.0",
	}
}

per_cpu(load, cpus, limit) := decision if {
	decision := infrastructure.decision with input.disk_free_gb as 40.0
		with input.cpu_load_1m as load
		with input.cpu_count as cpus
		with input.mem_free_percent as 50.0
		with data.thresholds.min_disk_free_gb as 10.0
		with data.thresholds.min_mem_free_percent as 10.0
		with data.thresholds.max_cpu_load as 2.0
		with data.thresholds.max_cpu_load_per_cpu as limit
}

test_load_per_cpu_replaces_the_load if {
	per_cpu(48.0, 64, 0.75).allow == true
	per_cpu(0.3, 3, 0.1).allow == true
}

test_load_per_cpu_beyond_the_limit_is_denied if {
	per_cpu(1.6, 2, 0.75).allow == false
	per_cpu(1.6, 2, 0.75).reasons == {"cpu_load_1m is 1.6, maximum allowed is 0.75 per CPU (cpu_count 2)"}
}

test_load_per_cpu_needs_the_number_of_cpus if {
	per_cpu(0.1, null, 0.75).allow == false
	per_cpu(0.1, null, 0.75).reasons == {
		"cpu_count is null, minimum required is 1",
		"cpu_load_1m is 0.1, maximum allowed is 0.75 per CPU (cpu_count null)",
	}
}

test_load_per_cpu_that_is_no_number_is_denied if {
	reason := concat("", [
		"cpu_load_1m is 0.1, maximum allowed is not a number (two) ",
		"(thresholds.max_cpu_load_per_cpu in data.json) per CPU (cpu_count 2)",
	])
	per_cpu(0.1, 2, "two").reasons == {reason}
}

without_thresholds := decision if {
	decision := infrastructure.decision with input.disk_free_gb as 40.0
		with input.cpu_load_1m as 0.5
		with input.mem_free_percent as 50.0
		with data.thresholds as {}
}

test_missing_thresholds_are_denied if {
	without_thresholds.allow == false
	without_thresholds.reasons == {
		"disk_free_gb is 40.0, minimum required is missing (thresholds.min_disk_free_gb in data.json)",
		"cpu_load_1m is 0.5, maximum allowed is missing (thresholds.max_cpu_load in data.json)",
		"mem_free_percent is 50.0, minimum required is missing (thresholds.min_mem_free_percent in data.json)",
	}
}

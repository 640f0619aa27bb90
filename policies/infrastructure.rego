# May something be deployed on this host? Asked before every deploy; thresholds are in data.json.
package swiftdeploy.infrastructure

import rego.v1

import data.swiftdeploy.limits

disk := limits.given(limits.facts, "disk_free_gb")

load := limits.given(limits.facts, "cpu_load_1m")

cpus := limits.given(limits.facts, "cpu_count")

memory := limits.given(limits.facts, "mem_free_percent")

default allow := false

allow if {
	disk_ok
	cpu_ok
	mem_ok
}

disk_ok if limits.at_least(disk, limits.thresholds.min_disk_free_gb)

mem_ok if limits.at_least(memory, limits.thresholds.min_mem_free_percent)

# per_cpu: max_cpu_load_per_cpu, once it is there, replaces max_cpu_load: 2.0 is idle on 64 CPUs.
default per_cpu := false

per_cpu if limits.given(limits.thresholds, "max_cpu_load_per_cpu") != "missing"

cpu_ok if {
	not per_cpu
	limits.at_most(load, limits.thresholds.max_cpu_load)
}

# Ten-thousandths as whole numbers: 0.1 * 3 is not the same number in every judge.
cpu_ok if {
	per_cpu
	cpus_ok
	limits.figure(load)
	limits.figure(limits.thresholds.max_cpu_load_per_cpu)
	round(load * 10000) <= round((limits.thresholds.max_cpu_load_per_cpu * cpus) * 10000)
}

cpus_ok if limits.at_least(cpus, 1)

reasons contains limits.too_low("disk_free_gb", limits.words("disk_free_gb", disk), limits.limit_words("min_disk_free_gb")) if {
	not disk_ok
}

reasons contains limits.too_high("cpu_load_1m", limits.words("cpu_load_1m", load), limits.limit_words("max_cpu_load")) if {
	not per_cpu
	not cpu_ok
}

reasons contains limits.too_high("cpu_load_1m", limits.words("cpu_load_1m", load), per_cpu_words) if {
	per_cpu
	not cpu_ok
}

reasons contains limits.too_low("cpu_count", limits.words("cpu_count", cpus), "1") if {
	per_cpu
	not cpus_ok
}

reasons contains limits.too_low("mem_free_percent", limits.words("mem_free_percent", memory), limits.limit_words("min_mem_free_percent")) if {
	not mem_ok
}

per_cpu_words := concat("", [
	limits.limit_words("max_cpu_load_per_cpu"),
	" per CPU (cpu_count ",
	limits.words("cpu_count", cpus),
	")",
])

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "infrastructure",
	"checked": {
		"disk_free_gb": object.get(limits.facts, "disk_free_gb", null),
		"cpu_load_1m": object.get(limits.facts, "cpu_load_1m", null),
		"cpu_count": object.get(limits.facts, "cpu_count", null),
		"mem_free_percent": object.get(limits.facts, "mem_free_percent", null),
	},
}

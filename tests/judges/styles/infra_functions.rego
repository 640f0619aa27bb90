package swiftdeploy.infrastructure

import rego.v1

too_low(name, value, limit) := sprintf("%s is %v, at least %v needed", [name, value, limit]) if value < limit

too_high(name, value, limit) := sprintf("%s is %v, at most %v allowed", [name, value, limit]) if value > limit

reasons contains too_low("disk", object.get(input, "disk_free_gb", 0), 10)

reasons contains too_high("load", object.get(input, "cpu_load_1m", 100), 2)

reasons contains too_low("memory", object.get(input, "mem_free_percent", 0), 10)

allow if count(reasons) == 0

allow := false if count(reasons) > 0

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "infrastructure",
	"checked": {},
}

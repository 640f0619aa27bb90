package swiftdeploy.infrastructure

import rego.v1

facts := object.union({"disk_free_gb": 0, "cpu_load_1m": 999, "mem_free_percent": 0}, input)

verdicts := {
	"disk": facts.disk_free_gb >= 10,
	"cpu": facts.cpu_load_1m <= 2,
	"memory": facts.mem_free_percent >= 10,
}

allow := count([name | some name, ok in verdicts; ok]) == 3

reasons := [sprintf("%s is not well", [name]) | some name, ok in verdicts; not ok]

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "infrastructure",
	"checked": {},
}

package swiftdeploy.infrastructure

import rego.v1

limits := {"disk_free_gb": 10, "mem_free_percent": 10}

deny contains {"msg": sprintf("%s below %d", [name, limit]), "value": input[name]} if {
	some name, limit in limits
	input[name] < limit
}

deny contains {"msg": "busy"} if abs(input.cpu_load_1m) > 2

deny contains {"msg": "no facts"} if count(input) == 0

deny contains {"msg": sprintf("no %s", [name])} if {
	some name, _ in limits
	not input[name]
}

deny contains {"msg": "no load"} if not is_number(object.get(input, "cpu_load_1m", "none"))

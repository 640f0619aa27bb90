package lib.figures

import rego.v1

below(record, name, limit) if {
	value := object.get(record, name, null)
	is_number(value)
	value <= limit
}

reason(name) := sprintf("%s is %v", [name, object.get(input, name, "missing")])

complete if {
	missing := [name | some name in ["error_rate_percent", "p99_latency_ms"]; not is_number(object.get(input, name, null))]
	count(missing) == 0
}

# May this release get (more) traffic? Asked before every promotion; thresholds are in data.json.
package swiftdeploy.canary

import rego.v1

import data.swiftdeploy.limits

error_rate := limits.given(limits.facts, "error_rate_percent")

p99 := limits.given(limits.facts, "p99_latency_ms")

# beyond: the p99 lies past the histogram's last bucket, so the figure is only a lower bound of the truth.
beyond := limits.given(limits.facts, "p99_is_lower_bound")

samples := limits.given(limits.facts, "samples")

default allow := false

allow if {
	error_rate_ok
	latency_ok
	bound_ok
	enough
}

error_rate_ok if limits.at_most(error_rate, limits.thresholds.max_error_rate_percent)

latency_ok if limits.at_most(p99, limits.thresholds.max_p99_latency_ms)

bound_ok if beyond == false

enough if limits.at_least(samples, limits.thresholds.min_samples)

# evidence: no traffic is never 0 %. Figures from too few requests deny as "not known", not as "bad".
default evidence := "insufficient"

evidence := "sufficient" if enough

reasons contains limits.too_high("error_rate", limits.percent("error_rate", error_rate), limits.limit_percent("max_error_rate_percent")) if {
	not error_rate_ok
}

reasons contains limits.too_high("p99_latency_ms", limits.words("p99_latency_ms", p99), limits.limit_words("max_p99_latency_ms")) if {
	not latency_ok
}

reasons contains limits.too_high("p99_latency_ms", at_least_words, limits.limit_words("max_p99_latency_ms")) if {
	latency_ok
	beyond == true
}

reasons contains concat("", ["p99_is_lower_bound is ", bound_words, ", only false is allowed"]) if {
	not is_boolean(beyond)
}

reasons contains limits.too_low("samples", limits.words("samples", samples), limits.limit_words("min_samples")) if {
	not enough
}

at_least_words := concat("", [limits.words("p99_latency_ms", p99), " or more (p99_is_lower_bound is true)"])

bound_words := "missing" if beyond == "missing"

bound_words := "null" if is_null(beyond)

bound_words := "neither true nor false" if {
	beyond != "missing"
	not is_null(beyond)
}

decision := {
	"allow": allow,
	"reasons": reasons,
	"domain": "canary",
	"evidence": evidence,
	"checked": {
		"error_rate_percent": object.get(limits.facts, "error_rate_percent", null),
		"p99_latency_ms": object.get(limits.facts, "p99_latency_ms", null),
		"p99_is_lower_bound": object.get(limits.facts, "p99_is_lower_bound", null),
		"samples": object.get(limits.facts, "samples", null),
		"window_seconds": object.get(limits.facts, "window_seconds", null),
	},
}

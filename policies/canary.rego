# May this release get (more) traffic? Asked before every promotion; thresholds are in data.json.
package swiftdeploy.canary

import rego.v1

import data.swiftdeploy.limits

# error_rate, p99: the worst of users, proxy and probe. A source of fewer than min_samples requests counts with the
# least that they prove, so a figure beyond its limit is certain however few samples there are.
error_rate := limits.given(limits.facts, "error_rate_percent")

p99 := limits.given(limits.facts, "p99_latency_ms")

# seen: the worst of any source, however small. Beyond its limit it is a doubt that too few samples leave open.
error_rate_seen := limits.given(limits.facts, "error_rate_seen_percent")

p99_seen := limits.given(limits.facts, "p99_latency_seen_ms")

# beyond: the p99 lies past the histogram's last bucket, so the figure is only a lower bound of the truth.
beyond := limits.given(limits.facts, "p99_is_lower_bound")

samples := limits.given(limits.facts, "samples")

default allow := false

allow if {
	bound_ok
	enough
	error_rate_ok
	latency_ok
}

error_rate_ok if limits.at_most(error_rate, limits.thresholds.max_error_rate_percent)

latency_ok if limits.at_most(p99, limits.thresholds.max_p99_latency_ms)

# Once max_p99_increase_percent is there, a canary as slow as stable in the same window is no worse than what users have.
latency_ok if {
	limits.at_least(limits.facts.versus_stable.samples, limits.thresholds.min_samples)
	limits.at_most(limits.facts.versus_stable.p99_increase_percent, limits.given(limits.thresholds, "max_p99_increase_percent"))
}

bound_ok if beyond == false

many if limits.at_least(samples, limits.thresholds.min_samples)

enough if {
	many
	not rate_in_doubt
	not latency_in_doubt
}

rate_in_doubt if {
	limits.more_than(error_rate_seen, limits.thresholds.max_error_rate_percent)
	error_rate_ok
}

latency_in_doubt if {
	limits.more_than(p99_seen, limits.thresholds.max_p99_latency_ms)
	limits.at_most(p99, limits.thresholds.max_p99_latency_ms)
}

# certain: bad however many samples there are.
certain if limits.more_than(error_rate, limits.thresholds.max_error_rate_percent)

certain if {
	limits.more_than(p99, limits.thresholds.max_p99_latency_ms)
	not latency_ok
}

# evidence: no traffic is never 0 %. Figures from too few requests deny as "not known", not as "bad".
evidence := "sufficient" if {
	enough
} else := "sufficient" if {
	certain
} else := "insufficient"

reasons contains concat("", [limits.too_high("error_rate", limits.percent("error_rate", error_rate), limits.limit_percent("max_error_rate_percent")), limits.aside("error_rate_said")]) if {
	not error_rate_ok
}

reasons contains concat("", [limits.too_high("p99_latency_ms", limits.words("p99_latency_ms", p99), limits.limit_words("max_p99_latency_ms")), limits.aside("p99_latency_said")]) if {
	not latency_ok
}

reasons contains concat("", [limits.too_high("p99_latency_ms", at_least_words, limits.limit_words("max_p99_latency_ms")), limits.aside("p99_latency_said")]) if {
	latency_ok
	beyond == true
}

reasons contains concat("", ["p99_is_lower_bound is ", bound_words, ", only false is allowed"]) if {
	not is_boolean(beyond)
}

reasons contains limits.too_low("samples", limits.words("samples", samples), limits.limit_words("min_samples")) if {
	not many
	not certain
}

reasons contains concat("", [limits.in_doubt("error_rate", limits.percent("error_rate", error_rate_seen), limits.limit_percent("max_error_rate_percent")), limits.aside("error_rate_said")]) if {
	rate_in_doubt
}

reasons contains concat("", [limits.in_doubt("p99_latency_ms", limits.words("p99_latency_ms", p99_seen), limits.limit_words("max_p99_latency_ms")), limits.aside("p99_latency_said")]) if {
	latency_in_doubt
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

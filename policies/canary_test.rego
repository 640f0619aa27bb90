package swiftdeploy.canary_test

import rego.v1

import data.swiftdeploy.canary

# Every test starts here and changes one field. Never `with input as {...}`: it crashes the embedded judge;
# and thresholds are written out, because it does not see a rule behind `with data.thresholds as`.
good := decision if {
	decision := canary.decision with input.error_rate_percent as 0.5
		with input.p99_latency_ms as 120.0
		with input.p99_is_lower_bound as false
		with input.samples as 300
		with input.window_seconds as 10.0
		with data.thresholds as {"max_error_rate_percent": 1.0, "max_p99_latency_ms": 500.0, "min_samples": 100}
}

test_good_figures_are_allowed if {
	good.allow == true
	count(good.reasons) == 0
	good.domain == "canary"
	good.evidence == "sufficient"
	good.checked.window_seconds == 10.0
}

error_rate(x) := decision if {
	decision := canary.decision with input.error_rate_percent as x
		with input.p99_latency_ms as 120.0
		with input.p99_is_lower_bound as false
		with input.samples as 300
		with data.thresholds as {"max_error_rate_percent": 1.0, "max_p99_latency_ms": 500.0, "min_samples": 100}
}

test_error_rate_at_the_limit_is_allowed if error_rate(1.0).allow == true

test_error_rate_beyond_the_limit_is_denied if error_rate(1.0001).allow == false

test_error_rate_reads_as_percent if {
	error_rate(56.45).reasons == {"error_rate is 56.45%, maximum allowed is 1.00%"}
	error_rate(62.5).reasons == {"error_rate is 62.50%, maximum allowed is 1.00%"}
	error_rate(2).reasons == {"error_rate is 2.00%, maximum allowed is 1.00%"}
	error_rate(100).reasons == {"error_rate is 100.00%, maximum allowed is 1.00%"}
}

test_error_rate_that_is_no_figure_is_denied if {
	error_rate(null).reasons == {"error_rate is null, maximum allowed is 1.00%"}
	error_rate("NaN").reasons == {"error_rate is not a number (NaN), maximum allowed is 1.00%"}
	error_rate(true).reasons == {"error_rate is not a number, maximum allowed is 1.00%"}
	error_rate(-0.5).reasons == {"error_rate is -0.5 (negative), maximum allowed is 1.00%"}
}

p99(x, beyond) := decision if {
	decision := canary.decision with input.error_rate_percent as 0.5
		with input.p99_latency_ms as x
		with input.p99_is_lower_bound as beyond
		with input.samples as 300
		with data.thresholds as {"max_error_rate_percent": 1.0, "max_p99_latency_ms": 500.0, "min_samples": 100}
}

test_p99_at_the_limit_is_allowed if p99(500.0, false).allow == true

test_p99_beyond_the_limit_is_denied if {
	p99(500.5, false).allow == false
	p99(500.5, false).reasons == {"p99_latency_ms is 500.5, maximum allowed is 500.0"}
}

test_p99_past_the_last_bucket_is_denied if {
	p99(200.0, true).allow == false
	reason := "p99_latency_ms is 200.0 or more (p99_is_lower_bound is true), maximum allowed is 500.0"
	p99(200.0, true).reasons == {reason}
}

test_lower_bound_that_is_no_boolean_is_denied if {
	p99(200.0, null).reasons == {"p99_is_lower_bound is null, only false is allowed"}
	p99(200.0, 0).reasons == {"p99_is_lower_bound is neither true nor false, only false is allowed"}
	p99(200.0, "missing").reasons == {"p99_is_lower_bound is missing, only false is allowed"}
}

samples(x) := decision if {
	decision := canary.decision with input.error_rate_percent as 0.5
		with input.p99_latency_ms as 120.0
		with input.p99_is_lower_bound as false
		with input.samples as x
		with data.thresholds as {"max_error_rate_percent": 1.0, "max_p99_latency_ms": 500.0, "min_samples": 100}
}

test_enough_samples_are_evidence if {
	samples(100).allow == true
	samples(100).evidence == "sufficient"
}

test_too_few_samples_are_no_evidence if {
	samples(3).allow == false
	samples(3).evidence == "insufficient"
	samples(3).reasons == {"samples is 3, minimum required is 100"}
}

test_no_input_is_denied_with_every_reason if {
	nothing := canary.decision with data.thresholds as {"max_error_rate_percent": 1.0, "max_p99_latency_ms": 500.0, "min_samples": 100}
	nothing.allow == false
	nothing.reasons == {
		"error_rate is missing, maximum allowed is 1.00%",
		"p99_latency_ms is missing, maximum allowed is 500.0",
		"p99_is_lower_bound is missing, only false is allowed",
		"samples is missing, minimum required is 100",
	}
}

without_thresholds(x) := decision if {
	decision := canary.decision with input.error_rate_percent as 0.5
		with input.p99_latency_ms as 120.0
		with input.p99_is_lower_bound as false
		with input.samples as 300
		with data.thresholds as x
}

test_missing_thresholds_are_denied if {
	without_thresholds({}).allow == false
	without_thresholds({}).evidence == "insufficient"
	without_thresholds({}).reasons == {
		"error_rate is 0.50%, maximum allowed is missing (thresholds.max_error_rate_percent in data.json)",
		"p99_latency_ms is 120.0, maximum allowed is missing (thresholds.max_p99_latency_ms in data.json)",
		"samples is 300, minimum required is missing (thresholds.min_samples in data.json)",
	}
}

test_thresholds_that_are_no_object_are_denied if without_thresholds("none").reasons == without_thresholds({}).reasons

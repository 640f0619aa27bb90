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

# few: what a source of few requests proves (error_rate, p99) beside what it saw.
few(rate, seen, p99_ms, p99_seen) := decision if {
	decision := canary.decision with input.error_rate_percent as rate
		with input.error_rate_seen_percent as seen
		with input.error_rate_said as "5 of 7 requests of users failed"
		with input.p99_latency_ms as p99_ms
		with input.p99_latency_seen_ms as p99_seen
		with input.p99_latency_said as "7 requests of users"
		with input.p99_is_lower_bound as false
		with input.samples as 7
		with data.thresholds as {"max_error_rate_percent": 1.0, "max_p99_latency_ms": 500.0, "min_samples": 100}
}

test_what_is_certainly_bad_is_denied_however_few if {
	few(37.28, 100.0, 20.0, 20.0).allow == false
	few(37.28, 100.0, 20.0, 20.0).evidence == "sufficient"
	few(37.28, 100.0, 20.0, 20.0).reasons == {"error_rate is 37.28%, maximum allowed is 1.00% (5 of 7 requests of users failed)"}
	few(0.0, 0.0, 900.5, 950.5).evidence == "sufficient"
	few(0.0, 0.0, 900.5, 950.5).reasons == {"p99_latency_ms is 900.5, maximum allowed is 500.0 (7 requests of users)"}
}

# doubt: many samples in all, and a small source whose own few requests are open.
doubt(seen, p99_seen) := decision if {
	decision := canary.decision with input.error_rate_percent as 0.02
		with input.error_rate_seen_percent as seen
		with input.error_rate_said as "1 of 5 requests of users failed"
		with input.p99_latency_ms as 20.0
		with input.p99_latency_seen_ms as p99_seen
		with input.p99_is_lower_bound as false
		with input.samples as 305
		with data.thresholds as {"max_error_rate_percent": 1.0, "max_p99_latency_ms": 500.0, "min_samples": 100}
}

test_no_doubt_is_allowed if {
	doubt(0.5, 400.5).allow == true
	count(doubt(0.5, 400.5).reasons) == 0
}

test_a_doubt_is_too_little_evidence if {
	doubt(20.0, 20.0).allow == false
	doubt(20.0, 20.0).evidence == "insufficient"
	rate := "error_rate may be 20.00%, maximum allowed is 1.00%: too few samples to tell (1 of 5 requests of users failed)"
	doubt(20.0, 20.0).reasons == {rate}
	doubt(0.5, 600.5).evidence == "insufficient"
	doubt(0.5, 600.5).reasons == {"p99_latency_ms may be 600.5, maximum allowed is 500.0: too few samples to tell"}
}

# with_increase: max_p99_increase_percent is there, so a stable that is as slow is what users have anyway.
with_increase(increase, compared) := decision if {
	decision := canary.decision with input.error_rate_percent as 0.0
		with input.p99_latency_ms as 1552.5
		with input.p99_is_lower_bound as false
		with input.samples as 300
		with input.versus_stable as {"samples": compared, "p99_latency_ms": 1530.5, "p99_increase_percent": increase}
		with data.thresholds as {"max_error_rate_percent": 1.0, "max_p99_latency_ms": 500.0, "min_samples": 100, "max_p99_increase_percent": 10.0}
}

test_as_slow_as_stable_is_allowed_where_the_data_says_so if with_increase(10.0, 100).allow == true

test_slower_than_stable_is_denied if with_increase(10.5, 300).allow == false

test_a_stable_of_few_samples_is_no_measure if with_increase(1.4, 99).allow == false

test_a_stable_that_is_not_known_is_no_measure if with_increase(null, 300).allow == false

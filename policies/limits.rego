# Figures, limits and the words for both, shared by the two gates. Nothing here allows or denies.
# Every rule is total: junk becomes words in a reason, never an undefined document.
package swiftdeploy.limits

import rego.v1

default facts := {}

facts := input if is_object(input)

default thresholds := {}

thresholds := data.thresholds if is_object(data.thresholds)

# figure: a number of zero or more. Every comparison is behind it, because null <= 1.0 is true in OPA.
figure(x) if {
	is_number(x)
	x >= 0
}

at_most(x, limit) if {
	figure(x)
	figure(limit)
	x <= limit
}

at_least(x, limit) if {
	figure(x)
	figure(limit)
	x >= limit
}

more_than(x, limit) if {
	figure(x)
	figure(limit)
	x > limit
}

# given: a field of the input or of the thresholds; an absent one is the word "missing", which is no figure.
given(record, name) := object.get(record, name, "missing")

# words: how the value called `name` reads in a reason. json.marshal is the one text of a number on which both judges
# agree. The name is an argument because OPA remembers results by value, and to it 1 and 1.0 are one value.
words(_, x) := json.marshal(x) if figure(x)

words(_, x) := concat("", [json.marshal(x), " (negative)"]) if {
	is_number(x)
	not figure(x)
}

words(_, "missing") := "missing"

words(_, x) := concat("", ["not a number (", x, ")"]) if {
	is_string(x)
	x != "missing"
}

words(_, null) := "null"

words(_, x) := "not a number" if {
	not is_number(x)
	not is_string(x)
	not is_null(x)
}

# percent: the same with two decimals or more, and the sign: 1.0 reads 1.00%.
percent(name, x) := concat("", [text, ".00%"]) if {
	figure(x)
	text := json.marshal(x)
	whole(text)
} else := concat("", [text, "0%"]) if {
	figure(x)
	text := json.marshal(x)
	tenths(text)
} else := concat("", [json.marshal(x), "%"]) if {
	figure(x)
} else := words(name, x)

whole(text) if {
	indexof(text, ".") == -1
	indexof(text, "e") == -1
}

tenths(text) if {
	indexof(text, ".") > 0
	indexof(text, ".") == count(text) - 2
	indexof(text, "e") == -1
}

# limit_words, limit_percent: how a threshold reads; one that cannot be used is named with its place.
limit_words(name) := words(name, value) if {
	value := given(thresholds, name)
	figure(value)
} else := unusable(name)

limit_percent(name) := percent(name, value) if {
	value := given(thresholds, name)
	figure(value)
} else := unusable(name)

unusable(name) := concat("", [words(name, given(thresholds, name)), " (thresholds.", name, " in data.json)"])

# too_high, too_low: the reason, once the field, its value and its limit are words.
too_high(field, value, limit) := concat("", [field, " is ", value, ", maximum allowed is ", limit])

too_low(field, value, limit) := concat("", [field, " is ", value, ", minimum required is ", limit])

# in_doubt: what was seen on too few samples to say whether it is beyond its limit.
in_doubt(field, value, limit) := concat("", [field, " may be ", value, ", maximum allowed is ", limit, ": too few samples to tell"])

# aside: what the input says besides about a figure, in a field of its own.
aside(said) := concat("", [" (", text, ")"]) if {
	text := given(facts, said)
	told(text)
} else := ""

told(text) if {
	is_string(text)
	text != ""
	text != "missing"
}

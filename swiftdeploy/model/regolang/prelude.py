"""Rego that stands beside the policies in the embedded judge: OPA's order of kinds, its formats, and the refusal to
compare figures that differ in their last digits only."""

from __future__ import annotations

PACKAGE = "swiftdeploy_embedded"
FILE = "swiftdeploy_embedded.rego"

TEXT = """package swiftdeploy_embedded

# sure: a value; none for the error of a built-in function, which would pass for one.
sure(x) := x if x == x

# numbers: a collection of numbers only; the embedded judge would sum up others too.
numbers(x) := x if {
	every y in x {
		is_number(y)
	}
}

# alike: a collection that has an order in every judge; of others there is no greatest, and no decision.
ordered(x) if {
	every y in x {
		is_number(y)
	}
}

ordered(x) if {
	every y in x {
		is_string(y)
	}
}

alike(x) := x if ordered(x)

alike(x) := true if not ordered(x)

alike(x) := false if not ordered(x)

rank(x) := 0 if is_null(x)
rank(x) := 1 if is_boolean(x)
rank(x) := 2 if is_number(x)
rank(x) := 3 if is_string(x)
rank(x) := 4 if is_array(x)
rank(x) := 5 if is_object(x)
rank(x) := 6 if is_set(x)

less(x, y) := z if {
	rank(x) == rank(y)
	z := x < y
} else := z if z := rank(x) < rank(y)

at_most(x, y) := z if {
	rank(x) == rank(y)
	z := x <= y
} else := z if z := rank(x) <= rank(y)

more(x, y) := less(y, x)

at_least(x, y) := at_most(y, x)

# close: equal or all but equal, and no fraction that every judge holds exactly. Two values at once are no decision.
close(x, y) if {
	is_number(x)
	is_number(y)
	abs(x - y) <= 0.000000000001 * abs(x)
	not exact(x, y)
}

exact(x, y) if {
	x == y
	x * 1024 == round(x * 1024)
}

clear(x, y) if not close(x, y)

clear(x, y) := true if close(x, y)

clear(x, y) := false if close(x, y)

near_less(x, y) := z if {
	clear(x, y)
	z := less(x, y)
}

near_at_most(x, y) := z if {
	clear(x, y)
	z := at_most(x, y)
}

near_more(x, y) := near_less(y, x)

near_at_least(x, y) := near_at_most(y, x)

near_same(x, y) := z if {
	clear(x, y)
	z := x == y
}

near_other(x, y) := z if {
	clear(x, y)
	z := x != y
}

digits(x) := trim_suffix(trim_right(json.marshal(x), "0"), ".") if {
	contains(json.marshal(x), ".")
	not contains(json.marshal(x), "e")
} else := json.marshal(x)

number(x) := "float64" if {
	contains(json.marshal(x), ".")
} else := "float64" if {
	contains(json.marshal(x), "e")
} else := "int64"

plain(x) := digits(x) if is_number(x) else := x if is_string(x) else := sprintf("%v", [x])

word(x) := concat("", ["%!s(", number(x), "=", digits(x), ")"]) if is_number(x) else := plain(x)

whole(x) := concat("", ["%!d(", number(x), "=", digits(x), ")"]) if {
	is_number(x)
	number(x) != "int64"
} else := digits(x) if is_number(x) else := concat("", ["%!d(string=", plain(x), ")"])

point(x, float, int) := sprintf(float, [x]) if {
	is_number(x)
	number(x) == "float64"
} else := concat("", ["%!f(int64=", sprintf(int, [x]), ")"]) if {
	is_number(x)
} else := concat("", ["%!f(string=", plain(x), ")"])
"""

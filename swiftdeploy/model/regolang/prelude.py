"""Rego that stands beside the policies in the embedded judge: OPA's order of kinds, its formats, and the refusal to
compare figures that differ in their last digits only."""

from __future__ import annotations

PACKAGE = "swiftdeploy_embedded"
FILE = "swiftdeploy_embedded.rego"
# regopy crashes where two packages have functions of one name with different numbers of arguments
PREFIX = "swiftdeploy_"

TEXT = """package swiftdeploy_embedded

# sure: a value; none for the error of a built-in function, which would pass for one.
swiftdeploy_sure(x) := x if x == x

# numbers: a collection of numbers only; the embedded judge would sum up others too.
swiftdeploy_numbers(x) := x if {
	every y in x {
		is_number(y)
	}
}

# alike: a collection that has an order in every judge; of others there is no greatest, and no decision.
swiftdeploy_ordered(x) if {
	every y in x {
		is_number(y)
	}
}

swiftdeploy_ordered(x) if {
	every y in x {
		is_string(y)
	}
}

swiftdeploy_alike(x) := x if swiftdeploy_ordered(x)

swiftdeploy_alike(x) := true if not swiftdeploy_ordered(x)

swiftdeploy_alike(x) := false if not swiftdeploy_ordered(x)

swiftdeploy_rank(x) := 0 if is_null(x)
swiftdeploy_rank(x) := 1 if is_boolean(x)
swiftdeploy_rank(x) := 2 if is_number(x)
swiftdeploy_rank(x) := 3 if is_string(x)
swiftdeploy_rank(x) := 4 if is_array(x)
swiftdeploy_rank(x) := 5 if is_object(x)
swiftdeploy_rank(x) := 6 if is_set(x)

swiftdeploy_less(x, y) := z if {
	swiftdeploy_rank(x) == swiftdeploy_rank(y)
	z := x < y
} else := z if z := swiftdeploy_rank(x) < swiftdeploy_rank(y)

swiftdeploy_at_most(x, y) := z if {
	swiftdeploy_rank(x) == swiftdeploy_rank(y)
	z := x <= y
} else := z if z := swiftdeploy_rank(x) <= swiftdeploy_rank(y)

swiftdeploy_more(x, y) := swiftdeploy_less(y, x)

swiftdeploy_at_least(x, y) := swiftdeploy_at_most(y, x)

# close: equal or all but equal, and no fraction that every judge holds exactly. Two values at once are no decision.
swiftdeploy_close(x, y) if {
	is_number(x)
	is_number(y)
	abs(x - y) <= 0.000000000001 * abs(x)
	not swiftdeploy_exact(x, y)
}

swiftdeploy_exact(x, y) if {
	x == y
	x * 1024 == round(x * 1024)
}

swiftdeploy_clear(x, y) if not swiftdeploy_close(x, y)

swiftdeploy_clear(x, y) := true if swiftdeploy_close(x, y)

swiftdeploy_clear(x, y) := false if swiftdeploy_close(x, y)

swiftdeploy_near_less(x, y) := z if {
	swiftdeploy_clear(x, y)
	z := swiftdeploy_less(x, y)
}

swiftdeploy_near_at_most(x, y) := z if {
	swiftdeploy_clear(x, y)
	z := swiftdeploy_at_most(x, y)
}

swiftdeploy_near_more(x, y) := swiftdeploy_near_less(y, x)

swiftdeploy_near_at_least(x, y) := swiftdeploy_near_at_most(y, x)

swiftdeploy_near_same(x, y) := z if {
	swiftdeploy_clear(x, y)
	z := x == y
}

swiftdeploy_near_other(x, y) := z if {
	swiftdeploy_clear(x, y)
	z := x != y
}

swiftdeploy_digits(x) := trim_suffix(trim_right(json.marshal(x), "0"), ".") if {
	contains(json.marshal(x), ".")
	not contains(json.marshal(x), "e")
} else := json.marshal(x)

swiftdeploy_number(x) := "float64" if {
	contains(json.marshal(x), ".")
} else := "float64" if {
	contains(json.marshal(x), "e")
} else := "int64"

swiftdeploy_plain(x) := swiftdeploy_digits(x) if is_number(x) else := x if is_string(x) else := sprintf("%v", [x])

swiftdeploy_word(x) := concat("", ["%!s(", swiftdeploy_number(x), "=", swiftdeploy_digits(x), ")"]) if {
	is_number(x)
} else := swiftdeploy_plain(x)

swiftdeploy_whole(x) := concat("", ["%!d(", swiftdeploy_number(x), "=", swiftdeploy_digits(x), ")"]) if {
	is_number(x)
	swiftdeploy_number(x) != "int64"
} else := swiftdeploy_digits(x) if is_number(x) else := concat("", ["%!d(string=", swiftdeploy_plain(x), ")"])

swiftdeploy_point(x, float, int) := sprintf(float, [x]) if {
	is_number(x)
	swiftdeploy_number(x) == "float64"
} else := concat("", ["%!f(int64=", sprintf(int, [x]), ")"]) if {
	is_number(x)
} else := concat("", ["%!f(string=", swiftdeploy_plain(x), ")"])
"""


def function(name: str) -> str:
    """How a function of this package is called from another one."""
    return f"data.{PACKAGE}.{PREFIX}{name}"

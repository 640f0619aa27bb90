"""Expected data held against what came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.scenario.match import mismatch, unmatched

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="abc", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_everything_fits_itself(value):
    assert mismatch(value, value) is None


@given(st.dictionaries(st.text("xyz", max_size=2), JSON), st.dictionaries(st.text("uvw", min_size=1), JSON))
def test_more_keys_than_named_do_not_matter(named, more):
    assert mismatch(named, {**more, **named}) is None


@pytest.mark.parametrize(
    ("expected", "got", "wrong"),
    [
        ({"a": 1}, {}, "a is missing"),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, "a.b is 'y' and not 'x'"),
        (1, True, "it is True and not 1"),
        ([1], [1, 2], "it is [1, 2] and not [1]"),
        ([1, 3], [1, 2], "1 is 2 and not 3"),
        ({"min": 3}, 2, "it is 2 and not at least 3"),
        ({"min": 1, "max": 2}, 5, "it is 5 and not at least 1 and at most 2"),
        ({"max": 2}, "1", "it is '1' and no number"),
        ({"max": 2}, True, "it is True and no number"),
        ({"a": 1}, [1], "it is [1] and no mapping"),
    ],
)
def test_a_mismatch_says_where_and_what(expected, got, wrong):
    assert (mismatch(expected, got) or "").removeprefix(".") == wrong


@pytest.mark.parametrize(
    ("expected", "got"), [("a*", "abc"), ("[x]", "[x]"), ({"min": 1}, 1), ({"max": 2.5}, 2), (1.0, 1)]
)
def test_globs_literals_and_bounds_fit(expected, got):
    assert mismatch(expected, got) is None


def test_a_pattern_without_a_text_is_named():
    assert unmatched(["error_rate*", "p99*"], ["error_rate is 60%"]) == ("p99*",)

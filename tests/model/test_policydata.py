"""data.json as both judges are given it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.model import policydata

json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(-1e300, 1e300), st.text(st.characters())
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_the_text_says_the_same_with_no_exponent(data: dict[str, Any]) -> None:
    text = policydata.text({"mine": data})
    assert json.loads(text) == near({"mine": data})
    numbers: list[str] = []
    json.loads(text, parse_float=lambda word: numbers.append(word))
    assert not [word for word in numbers if "e" in word or "." not in word]


def near(value: Any) -> Any:
    """What is all but zero is zero."""
    if isinstance(value, dict):
        return {name: near(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [near(inner) for inner in value]
    return 0.0 if isinstance(value, float) and abs(value) < policydata.SMALLEST else value


@pytest.mark.parametrize(
    ("limit", "written"),
    [
        (10, "10.0"),
        (10.0, "10.0"),
        (0.00005, "0.00005"),
        (5e-324, "0.0"),
        (1e15, '"beyond 1e15"'),
        (-(2**60), '"beyond -1e15"'),
        (True, "true"),
        ("ten", '"ten"'),
        ("\ud800!", '"\ufffd!"'),
        (None, "null"),
    ],
)
def test_a_limit_reads_as_it_does_in_a_reason(limit: Any, written: str) -> None:
    text = policydata.text({"thresholds": {"max_cpu_load": limit}})
    assert text == f'{{"thresholds": {{"max_cpu_load": {written}}}}}'


def test_a_limit_of_what_is_counted_stays_whole_and_other_numbers_stay_as_they_are() -> None:
    data = {"thresholds": {"min_samples": 100, "my_own": 3}, "max_cpu_load": 2}
    assert json.loads(policydata.text(data)) == data
    assert ".0" not in policydata.text(data)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "1e999", "-1e301", str(2**63), "9" * 9999])
def test_numbers_that_no_judge_can_hold_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"JSON number|too large|63 bits"):
        policydata.documents(f'{{"thresholds": {{"min_samples": {word}}}}}')


@pytest.mark.parametrize("text", ["", "\ufeff", "{}"])
def test_no_text_is_no_data(text: str) -> None:
    assert policydata.documents(text) == {}


def test_finite_numbers_keep_their_value() -> None:
    assert policydata.documents('{"a": 1e300, "b": 9223372036854775807}') == {"a": 1e300, "b": 2**63 - 1}
    assert math.isclose(json.loads(policydata.text({"a": 1e300}))["a"], 1e300)

"""References in scenario values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.scenario.values import fill, look_up, references

KNOWN = {
    "vars.n": 0.6,
    "vars.on": True,
    "vars.none": None,
    "matrix.fault": "slow",
    "vars.slow_why": "p99*",
    "id": [1, 2],
}


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("${vars.n}", 0.6),
        ("${ vars.n }", 0.6),
        ("${vars.on}", True),
        ("${vars.none}", None),
        ("${id}", [1, 2]),
        ("${captured.id}", [1, 2]),
    ],
)
def test_a_reference_alone_keeps_the_type_of_its_value(value, filled):
    assert fill(value, KNOWN) == filled
    assert type(fill(value, KNOWN)) is type(filled)


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("a-${vars.n}", "a-0.6"),
        ("${vars.on}!", "true!"),
        ("${matrix.fault}${vars.n}", "slow0.6"),
        ("${id}.", "[1, 2]."),
    ],
)
def test_a_reference_inside_text_is_formatted(value, filled):
    assert fill(value, KNOWN) == filled


def test_the_inner_name_of_a_nested_reference_is_filled_first():
    assert fill("${vars.${matrix.fault}_why}", KNOWN) == "p99*"


def test_an_unknown_name_stays_as_it_is_written():
    assert fill({"a": ["${later}", "${vars.n}"]}, KNOWN) == {"a": ["${later}", 0.6]}


def test_what_a_value_itself_holds_is_never_filled_in():
    assert fill("${x} ${y}", {"x": "${y}", "y": "secret"}) == "${y} secret"


def test_a_doubled_dollar_is_a_literal_one_and_only_the_last_filling_takes_it_away():
    assert fill(fill("$${vars.n}", KNOWN), KNOWN, final=True) == "${vars.n}"


def test_references_tell_where_they_stand():
    found = [(one.path, one.name) for one in references({"a": [{"b": "${x} ${vars.y}"}], "c": "$${z}"})]
    assert found == [(("a", 0, "b"), "x"), (("a", 0, "b"), "vars.y")]


def test_a_captured_path_leads_through_mappings_and_lists():
    assert look_up({"json": {"items": [{"v": 1}, {"v": 2}]}}, "json.items.1.v") == 2


@pytest.mark.parametrize("path", ["json.w", "json.items.7.v", "json.items.x", ""])
def test_a_path_that_leads_nowhere_names_the_missing_part(path):
    with pytest.raises(KeyError):
        look_up({"json": {"items": [1]}}, path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_tree_without_references_is_not_changed(tree):
    if not list(references(tree)) and "${" not in repr(tree):
        assert fill(tree, KNOWN, final=True) == tree

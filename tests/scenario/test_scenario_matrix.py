"""Rows of a matrix."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.scenario.matrix import row_id, rows, size


def test_rows_are_the_cartesian_product_with_the_last_name_changing_fastest():
    assert rows({"rate": [0.6, 1], "fault": ["slow"]}) == ({"rate": 0.6, "fault": "slow"}, {"rate": 1, "fault": "slow"})


def test_a_row_is_named_by_its_values():
    assert row_id({"rate": 0.6, "fault": "slow", "on": True}) == "rate=0.6-fault=slow-on=true"


def test_no_matrix_is_one_row_without_a_name():
    assert [row_id(row) for row in rows({})] == [""]


@given(st.dictionaries(st.text(max_size=3), st.lists(st.integers(), min_size=1, max_size=3), max_size=3))
def test_there_are_as_many_rows_as_the_size_says(matrix):
    assert len(rows(matrix)) == size(matrix)

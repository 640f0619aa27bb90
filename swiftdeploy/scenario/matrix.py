"""The rows of a scenario's matrix, each with the id that names its test."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from swiftdeploy.model.decision import Json
from swiftdeploy.scenario import values

MOST_ROWS = 256  # each row brings up a whole stack


def size(matrix: Mapping[str, Sequence[Json]]) -> int:
    """How many rows there are."""
    count = 1
    for choices in matrix.values():
        count *= len(choices)
    return count


def rows(matrix: Mapping[str, Sequence[Json]]) -> tuple[dict[str, Json], ...]:
    """The Cartesian product, the last name changing fastest; one empty row without a matrix."""
    return tuple(dict(zip(matrix, chosen, strict=True)) for chosen in itertools.product(*matrix.values()))


def row_id(row: Mapping[str, Json]) -> str:
    """`rate=0.6-fault=slow`; empty for a row of no matrix."""
    return "-".join(f"{name}={values.text(value)}" for name, value in row.items())

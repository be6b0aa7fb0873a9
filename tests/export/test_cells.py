"""Ids of numbers that are no integers: none becomes another one by rounding."""

import numpy as np
import pandas as pd
import pytest

from skrec.export._cells import tensor_of
from skrec.export._columns import tensor_of_series, tensors_of_rows
from skrec.export._schema import Column, Schema

UNKNOWN = -1e300
COLUMN = Column("size", "id", "float64", unknown=UNKNOWN)


def test_a_whole_number_that_no_float_holds_is_unknown():
    cells = [2**60, 2**60 + 1, 10**400, 0.5, None, True]

    found = [
        tensor_of(COLUMN, cells),
        tensor_of_series(COLUMN, pd.Series(cells[:-1], dtype=object)),
    ]

    expected = [2.0**60, UNKNOWN, UNKNOWN, 0.5, np.nan, 1.0]
    np.testing.assert_array_equal(found[0].ravel(), expected)
    np.testing.assert_array_equal(found[1].ravel(), expected[:-1])


@pytest.mark.parametrize(
    ("dtype", "known", "missing", "unknown", "padding"),
    [
        ("string", "tea", "<missing>", "<unknown>", "<padding>"),
        ("int64", 7, -(2**63), -(2**63) + 1, -(2**63) + 2),
    ],
)
@pytest.mark.parametrize("kind", ["id", "list"])
def test_what_stands_for_nothing_is_an_unknown_id_where_somebody_sends_it(
    kind, dtype, known, missing, unknown, padding
):
    special = {"missing": missing, "unknown": unknown, "padding": padding}
    column = Column("item", kind, dtype, **special)
    cells = [known, missing, padding, None]
    cells = [[cell] for cell in cells] if kind == "list" else cells

    found = [
        tensor_of(column, cells),
        tensor_of_series(column, pd.Series(cells, dtype=object)),
    ]

    expected = [known, unknown, unknown, missing]
    assert [values.ravel().tolist() for values in found] == [expected] * 2


@pytest.mark.parametrize("dtype", ["string", "int64"])
def test_a_missing_id_that_nothing_stands_for_is_refused(dtype):
    column = Column("item", "id", dtype)
    with pytest.raises(ValueError, match="must have a value in every row"):
        tensor_of(column, [None])
    with pytest.raises(ValueError, match="column 'item' must have a value in every"):
        tensor_of_series(column, pd.Series([None], dtype=object))


def test_a_model_of_arrays_takes_one_in_its_shape():
    column = Column("X", "array", "float64", (None, 2))
    schema = Schema({"input": "array"}, {"X": column})
    rows = [[[1, 2], [3, np.nan]]]

    np.testing.assert_array_equal(tensors_of_rows(schema, rows, "X")["X"], rows)
    for wrong in (np.zeros((3, 2)), np.zeros((3, 4, 1))):
        with pytest.raises(ValueError, match=r"frame must be of shape .*None, 2"):
            tensors_of_rows(schema, wrong, "frame")
    with pytest.raises(ValueError, match="frame holds infinity in row 1: replace it"):
        tensors_of_rows(schema, [[[0, 0]], [[np.inf, 0]]], "frame")

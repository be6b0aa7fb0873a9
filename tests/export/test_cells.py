"""Ids of numbers that are no integers: none becomes another one by rounding."""

import numpy as np
import pandas as pd

from skrec.export._about import Column
from skrec.export._cells import tensor_of
from skrec.export._columns import tensor_of_series

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

"""What a hostile body costs: time and memory grow with its size alone."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from skrec.export._cells import MOST_CELLS, tensor_of
from skrec.export._columns import tensor_of_series
from skrec.export._requests import (
    RequestError,
    blocks_of,
    columns_of,
    parse,
)
from skrec.export._requests import _distinct as distinct
from skrec.export._schema import Column


class Counted(str):
    """A name that counts how often it is compared."""

    n_compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        Counted.n_compared += 1
        return str.__eq__(self, other)


def test_a_name_that_comes_twice_is_found_in_one_pass():
    names = [*(f"a{k}" for k in range(2000)), "a1999"]
    with pytest.raises(ValueError, match='"a1999" twice in one object'):
        distinct([(Counted(name), 0) for name in names])
    assert Counted.n_compared < 2 * len(names)


def test_an_answer_names_few_of_many_columns_that_the_model_does_not_have():
    body = json.dumps({"x": 1, **{f"stranger{k:04}": 0 for k in range(5000)}}).encode()

    with pytest.raises(RequestError) as refused:
        columns_of([parse(body)], {"x": Column("x", "number", "float64")}, True)

    problems = refused.value.detail
    assert len(json.dumps(problems)) < len(body) / 10
    assert problems[0]["loc"] == ["body", "stranger0000"]
    assert problems[-1]["msg"] == "4980 more columns are not the model's."


TEXTS = Column("before", "list", "string", (None,), missing="<m>", padding="<p>")


def cells_of(rows, column, n_outputs=1):
    """Return the sizes of all tensors, and their rows put together again."""
    columns, sizes, found = {column.name: column}, [], []
    for part in blocks_of(rows, columns, n_outputs):
        tensor = columns_of(rows[part], columns, False, part.start)[column.name]
        sizes.append(tensor.size)
        found += tensor.tolist()
    return sizes, found


@pytest.mark.parametrize("max_len", [None, 50])
def test_one_long_list_among_many_rows_takes_no_more_memory_than_a_block(max_len):
    column = replace(TEXTS, max_len=max_len)
    lists = [[], ["x"] * 5000, *[["y"]] * 4000]

    sizes, found = cells_of([{"before": one} for one in lists], column)

    assert max(sizes) <= MOST_CELLS
    kept = [[item for item in row if item != "<p>"] for row in found]
    assert kept == [one[-(max_len or 5000) :] for one in lists]


def test_what_a_model_computes_of_many_rows_is_bounded_too():
    rows = [{"before": []}] * 5000
    parts = list(blocks_of(rows, {"before": TEXTS}, 10_000))

    assert sum(part.stop - part.start for part in parts) == 5000
    assert max(part.stop - part.start for part in parts) * 10_000 <= MOST_CELLS


def test_missing_images_are_no_cheap_way_to_much_memory():
    column = Column("image", "array", "float64", (64, 64))
    sizes, found = cells_of([{"image": None}] * 100, column)

    assert max(sizes) <= MOST_CELLS
    assert np.isnan(found).all()
    assert len(found) == 100


def test_a_list_without_its_filler_is_cut_as_in_fit():
    column = replace(TEXTS, filler="-", max_len=2)
    cells = [["a", "b", "c", "-", "-"], ["-"], ["-", "a"]]

    found = [
        tensor_of(column, cells),
        tensor_of_series(column, pd.Series(cells, dtype=object)),
    ]

    expected = [["b", "c"], ["<p>", "<p>"], ["a", "<p>"]]
    assert [values.tolist() for values in found] == [expected] * 2


def test_a_wrong_value_in_a_later_block_is_named_by_its_row():
    rows = [{"before": ["x"] * 500}] * 999 + [{"before": 3}]
    with pytest.raises(RequestError) as refused:
        cells_of(rows, TEXTS)
    assert refused.value.detail[0]["loc"] == ["body", 999, "before"]

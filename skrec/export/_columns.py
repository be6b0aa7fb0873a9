"""Columns of frames to the tensors of an exported model."""

import sys
from itertools import pairwise

import numpy as np
import pandas as pd

from skrec.export._about import DTYPES, Column
from skrec.export._cells import filled
from skrec.export._ids import exact
from skrec.preprocessing._ids import objects
from skrec.preprocessing._lists import Reading, flatten, stack
from skrec.preprocessing._numbers import number_block
from skrec.preprocessing._vocabulary import Factor, factorize, family


def tensor_of_series(column: Column, series: pd.Series) -> np.ndarray:
    """Return what a column's tensor holds for the rows of a frame.

    Parameters
    ----------
    column : Column
        The column.
    series : Series
        Its values, of whatever dtype.

    Returns
    -------
    ndarray of shape (n_rows, ...)
        Values in the dtype of the column.

    Raises
    ------
    ValueError
        Naming the column, if a value is not legal.
    """
    name = column.name
    if column.kind == "number":
        return number_block(series.to_frame(name), [0], [name]).astype(np.float64)
    if column.kind == "array":
        shape: tuple = column.shape
        return stack(series, name, shape).astype(np.float64)
    if column.kind == "id":
        return _ids(column, factorize(series, name))[:, None]
    lengths, flat = flatten(series, name, sys.maxsize, Reading(column.separator))
    ids = _ids(column, factorize(flat, name, lengths)).tolist()
    ends = np.concatenate([[0], np.cumsum(lengths)]).tolist()
    return filled(column, [ids[start:end] for start, end in pairwise(ends)])


def blank(column: Column) -> np.ndarray:
    """Return one row that a model takes, for the dtypes of what it returns.

    Parameters
    ----------
    column : Column
        The column.

    Returns
    -------
    ndarray of shape (1, ...)
        Zeros, or strings without characters.
    """
    shape = (1, *(1 if size is None else size for size in column.shape))
    fill = "" if column.is_text else 0
    return np.full(shape, fill, dtype=DTYPES[column.dtype])


def _ids(column: Column, factor: Factor) -> np.ndarray:
    """Return ids by their values, each different one converted once."""
    wanted, given = "strings" if column.is_text else "numbers", family(factor.values)
    if given not in (None, wanted):
        raise ValueError(
            f"column {column.name!r} held {wanted} in fit: convert it. Received: "
            f"{given}, such as {factor.values[0]!r}."
        )
    values = factor.values
    if column.is_text:
        values = objects(values)
    elif values.dtype != DTYPES[column.dtype]:
        values = column.tensor([exact(column, value) for value in values.tolist()])
    known = np.append(values, column.tensor([column.nothing]))
    return known[factor.positions]  # -1, missing, is the last of them

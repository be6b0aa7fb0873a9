"""Columns of frames to the tensors of an exported model."""

import sys
from typing import Any

import numpy as np
import pandas as pd

from skrec.export._about import DTYPES, Column
from skrec.preprocessing._lists import flatten, pad, stack
from skrec.preprocessing._numbers import number_block
from skrec.preprocessing._vocabulary import Factor, factorize, family


def tensor_of_series(column: Column, series: pd.Series) -> np.ndarray:
    """Return what a column's tensor holds for some rows of a frame.

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
    if column.kind == "list":
        return _lists(column, series)
    if column.shape:
        return _arrays(column, series)
    if column.is_float:
        frame = series.to_frame(column.name)
        return _narrowed(number_block(frame, [0], [column.name])[:, 0], column)
    return _ids(column, factorize(series, column.name))


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
    shape = (1, *(1 if n is None else n for n in column.shape))
    if column.dtype == "string":
        return np.full(shape, "", dtype=object)
    return np.zeros(shape, dtype=DTYPES[column.dtype])


def _ids(column: Column, factor: Factor) -> np.ndarray:
    """Return ids, by their values."""
    values = _exact(column, factor.values)
    if (factor.positions < 0).any():
        if column.missing is None:
            row = int(np.argmax(factor.positions < 0))
            raise ValueError(
                f"column {column.name!r} must have a value in each row: fill it in. "
                f"Received: none in row {row}."
            )
        values = np.append(values, np.array([column.missing], values.dtype))
    return values[factor.positions]  # -1, missing, is the last of them


def _exact(column: Column, values: np.ndarray) -> np.ndarray:
    """Return different ids in the column's dtype; raise where they have another."""
    wanted = "strings" if column.dtype == "string" else "numbers"
    given = family(values)
    if given not in (None, wanted):
        raise ValueError(
            f"column {column.name!r} held {wanted} in fit: convert it. Received: "
            f"{given}, such as {values[0]!r}."
        )
    if column.dtype == "string":
        return values.astype(object)
    if values.dtype.kind == "b" or not len(values):
        return values.astype(np.int64)
    if values.dtype != np.int64:  # as `by_value` makes them of all that fit
        wrong = next(v for v in values.tolist() if not _fits(v))
        raise ValueError(
            f"column {column.name!r} must hold whole numbers of 64 bits: convert it. "
            f"Received: {wrong!r}."
        )
    return values


def _fits(number: Any) -> bool:
    return number == int(number) and -(2**63) <= number < 2**63


def _narrowed(numbers: np.ndarray, column: Column) -> np.ndarray:
    """Return floats in the column's dtype, finite where they were."""
    largest = np.finfo(column.dtype).max
    return np.clip(numbers, -largest, largest).astype(column.dtype)


def _lists(column: Column, series: pd.Series) -> np.ndarray:
    """Return the last ids of lists, with what is no id in front of fewer."""
    length = column.shape[0]
    lengths, flat = flatten(series, column.name, length or sys.maxsize)
    ids = _ids(column, factorize(flat, column.name, lengths))
    places = pad(np.arange(1, len(ids) + 1), lengths, length or max(1, lengths.max()))
    return np.append(np.array([column.missing], ids.dtype), ids)[places]


def _arrays(column: Column, series: pd.Series) -> np.ndarray:
    """Return arrays of numbers of one shape."""
    shape = None if None in column.shape else column.shape
    stacked = stack(series, column.name, shape)
    if stacked.ndim != 1 + len(column.shape):
        raise ValueError(
            f"column {column.name!r} must hold arrays of {len(column.shape)} "
            f"dimensions. Received: shape {stacked.shape[1:]}."
        )
    return _narrowed(stacked, column)

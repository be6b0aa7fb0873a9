"""Columns whose cells are lists of ids, vectors, sequences of vectors or images."""

from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

LIST_TYPES = (list, tuple, np.ndarray)


class Items(NamedTuple):
    """All items of a column of lists, one after the other.

    Parameters
    ----------
    lengths : ndarray of shape (n_rows,)
        Number of items of each row.
    flat : Series of shape (sum of lengths,)
        The items.
    """

    lengths: np.ndarray
    flat: pd.Series


def is_ids(column: pd.Series) -> bool:
    """Tell lists of ids from arrays of floats and of more than one dimension.

    Parameters
    ----------
    column : Series
        Lists, tuples, arrays and missing values.

    Returns
    -------
    bool
        Whether they are one-dimensional and do not hold floats.
    """
    for cell in column:
        if isinstance(cell, np.ndarray) and cell.dtype.kind != "O":
            if cell.ndim != 1 or (cell.dtype.kind == "f" and cell.size):
                return False
            continue
        if not isinstance(cell, LIST_TYPES) or len(cell) == 0:
            continue
        first = cell[0]
        if isinstance(first, LIST_TYPES):
            return False
        if isinstance(first, (float, np.floating)) and not np.isnan(first):
            return False
    return True


def flatten(column: pd.Series, name: Any, max_len: int) -> Items:
    """Put the last items of all lists in one column.

    Parameters
    ----------
    column : Series
        Lists, tuples, 1-D arrays and missing values, which have no items.
    name : str or int
        Name of the column, for the messages.
    max_len : int
        Items to keep of a list: its last ones.

    Returns
    -------
    Items
        Items and how many each row has.
    """
    cells = []
    for row, (cell, gone) in enumerate(zip(column, column.isna(), strict=True)):
        if gone:
            cell = ()
        elif not isinstance(cell, LIST_TYPES) or getattr(cell, "ndim", 1) != 1:
            raise ValueError(
                f"column {name!r} must hold lists of ids in every row, or None. "
                f"Received: {cell!r} in row {row}."
            )
        cells.append(cell[-max_len:] if len(cell) > max_len else cell)
    lengths = np.fromiter(map(len, cells), dtype=np.intp, count=len(cells))
    filled = [cell for cell in cells if len(cell)]
    if filled and all(
        isinstance(cell, np.ndarray) and cell.dtype.kind in "iuf" for cell in filled
    ):
        return Items(lengths, pd.Series(np.concatenate(filled)))
    flat = list(chain.from_iterable(filled))
    return Items(lengths, pd.Series(flat, dtype=None if flat else object))


def pad(codes: np.ndarray, lengths: np.ndarray, length: int) -> np.ndarray:
    """Put codes of items back in rows, zeros in front, the latest item last.

    Parameters
    ----------
    codes : ndarray of int32 of shape (sum of lengths,)
        Codes of the items.
    lengths : ndarray of shape (n_rows,)
        Number of items of each row.
    length : int
        Columns of the result; of longer lists, the last items are kept.

    Returns
    -------
    ndarray of int32 of shape (n_rows, length)
        Codes; 0 is padding.
    """
    padded = np.zeros((len(lengths), length), dtype=np.int32)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    # How many items of the same list come after this one.
    after = np.repeat(np.cumsum(lengths), lengths) - 1 - np.arange(len(codes))
    kept = after < length
    padded[rows[kept], length - 1 - after[kept]] = codes[kept]
    return padded


def stack(
    column: pd.Series, name: Any, shape: tuple[int, ...] | None = None
) -> np.ndarray:
    r"""Stack arrays of one shape; a missing one is all NaN.

    Parameters
    ----------
    column : Series
        Arrays, or lists of numbers, and missing values.
    name : str or int
        Name of the column, for the messages.
    shape : tuple of int, default=None
        Shape of each; that of the first if None.

    Returns
    -------
    ndarray of float32 or float64 of shape (n_rows, \*shape)
        The arrays.

    Raises
    ------
    ValueError
        If one has another shape, holds infinity, or something that is no number.
    """
    rows, arrays = [], []
    for row, (cell, gone) in enumerate(zip(column, column.isna(), strict=True)):
        if gone:
            continue
        array = _as_numbers(cell, row, name)
        shape = array.shape if shape is None else shape
        if array.shape != shape:
            raise ValueError(
                f"column {name!r} must hold arrays of one shape, {shape}: pad or "
                f"resize them. Received: shape {array.shape} in row {row}."
            )
        if np.isinf(array).any():
            raise ValueError(
                f"column {name!r} holds infinity in row {row}: replace it. Received: "
                f"an array of shape {shape}."
            )
        rows.append(row)
        arrays.append(array)
    dtype = np.result_type(*{array.dtype for array in arrays}, np.float32)
    stacked = np.full((len(column), *(shape or ())), np.nan, dtype=dtype)
    if arrays:
        stacked[rows] = arrays
    return stacked


def _as_numbers(cell: Any, row: int, name: Any) -> np.ndarray:
    """Return one cell as an array of real numbers."""
    try:
        array = np.asarray(cell)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf" or not 1 <= array.ndim <= 3 or not array.size:
        raise ValueError(
            f"column {name!r} must hold vectors, sequences of vectors or images: "
            f"arrays of numbers of 1 to 3 dimensions. Received: {cell!r} in row {row}."
        )
    return array

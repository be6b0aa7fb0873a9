"""Columns whose cells are lists of ids, vectors, sequences of vectors or images."""

from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skrec.preprocessing._ids import LARGEST_EXACT, objects

LIST_TYPES = (list, tuple, np.ndarray)
PADDED_ROWS = 10  # so many lists with a zero at the same end are no chance


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


class Reading(NamedTuple):
    """How the cells of a column become lists of ids.

    Parameters
    ----------
    separator : str, default=None
        What stands between the ids of a string; None where cells are lists.
    padding : tuple, default=()
        The value with which lists were filled up, which is no item; none if empty.
    """

    separator: str | None = None
    padding: tuple = ()


AS_LISTS = Reading()
FIND = object()  # a mark that says nothing: find padding by itself


def learn_reading(column: pd.Series, mark: Any, zero_is_id: bool) -> Reading:
    """Find out how the cells of a column become lists of ids.

    Parameters
    ----------
    column : Series
        Strings, or lists, of the rows to learn from.
    mark : object
        What was said of it: the separator of strings; the value that pads lists, or
        None where nothing does; or `FIND`.
    zero_is_id : bool
        Whether a column of the same ids holds 0, so that it pads nothing.

    Returns
    -------
    Reading
        How.
    """
    if mark is FIND:
        return Reading(padding=() if zero_is_id or not looks_padded(column) else (0,))
    present = column[~column.isna()]
    if len(present) and isinstance(present.iloc[0], str):
        return Reading(separator=mark)
    return Reading(padding=() if mark is None else (mark,))


def is_ids(column: pd.Series) -> bool:
    """Tell lists of ids from arrays of floats and of more than one dimension.

    Floats are ids where all of them are whole and the lists differ in length, as those
    of a column that had missing values: arrays are of one shape.

    Parameters
    ----------
    column : Series
        Lists, tuples, arrays and missing values.

    Returns
    -------
    bool
        Whether they are lists of ids.
    """
    lengths, floats = set(), False
    for cell in column:
        if not isinstance(cell, LIST_TYPES):
            continue
        lengths.add(len(cell))
        if isinstance(cell, np.ndarray) and cell.dtype.kind != "O":
            if cell.ndim != 1:
                return False
            own = cell.dtype.kind == "f" and bool(cell.size)
        else:
            if len(cell) and isinstance(cell[0], LIST_TYPES):
                return False
            own = bool(len(cell)) and _is_float(cell[0])
        if own and not _all_whole(cell):
            return False
        floats |= own
    return not floats or len(lengths) > 1


def looks_padded(column: pd.Series) -> bool:
    """Tell whether lists of one length were filled up with zeros.

    Parameters
    ----------
    column : Series
        Lists, tuples, arrays and missing values.

    Returns
    -------
    bool
        Whether zeros, and at least two other numbers, stand only at the ends of lists,
        or only at their beginnings, and often enough that this is no chance.
    """
    cells = [cell for cell in column if isinstance(cell, LIST_TYPES)]
    if len({len(cell) for cell in cells}) != 1 or len(cells[0]) < 2:
        return False
    if not isinstance(cells[0][0], (int, float, np.integer, np.floating)):
        return False
    try:
        block = np.array(cells, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    if block.ndim != 2:
        return False
    zero = block == 0
    runs = zero.sum(axis=1)
    if runs.max() < 2 and np.count_nonzero(runs) < PADDED_ROWS:
        return False
    others = block[~zero]
    if not len(others) or (others == others[0]).all():
        return False
    place = np.arange(block.shape[1])
    in_front = place < runs[:, None]
    return bool((zero == in_front).all() or (zero == in_front[:, ::-1]).all())


def _is_float(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and not np.isnan(value)


def _all_whole(cell: Any) -> bool:
    """Tell whether all numbers of a list are whole; missing ones do not count."""
    try:
        values = np.asarray(cell, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return bool(np.all(np.isnan(values) | (values == np.floor(values))))


def flatten(
    column: pd.Series, name: Any, max_len: int, reading: Reading = AS_LISTS
) -> Items:
    """Put the last items of all lists in one column.

    Parameters
    ----------
    column : Series
        Lists, tuples, 1-D arrays, strings with separators, and missing values, which
        have no items.
    name : str or int
        Name of the column, for the messages.
    max_len : int
        Items to keep of a list: its last ones.
    reading : Reading, default=AS_LISTS
        What separates and what pads.

    Returns
    -------
    Items
        Items and how many each row has.
    """
    if reading.separator is not None:
        column = _split(column, reading.separator)
    most = None if reading.padding else max_len
    cells = []
    for row, (cell, gone) in enumerate(zip(column, column.isna(), strict=True)):
        if gone:
            cell = ()
        elif not isinstance(cell, LIST_TYPES) or getattr(cell, "ndim", 1) != 1:
            wanted = "lists of ids"
            if reading.separator is not None:
                wanted = f"strings of ids with {reading.separator!r} between them"
            raise ValueError(
                f"column {name!r} must hold {wanted} in every row, or None. "
                f"Received: {cell!r} in row {row}."
            )
        cells.append(cell[-max_len:] if most and len(cell) > max_len else cell)
    lengths = np.fromiter(map(len, cells), dtype=np.intp, count=len(cells))
    items = Items(lengths, _in_a_row([cell for cell in cells if len(cell)]))
    return _without(items, reading.padding[0], max_len) if reading.padding else items


def _split(column: pd.Series, separator: str) -> pd.Series:
    """Split strings at a separator, each different one once; lists stay lists."""
    parts: dict[str, list[str]] = {}

    def items(cell: Any) -> Any:
        if not isinstance(cell, str):
            return cell
        if cell not in parts:
            stripped = [part.strip() for part in cell.split(separator)]
            parts[cell] = [part for part in stripped if part]
        return parts[cell]

    return pd.Series(objects([items(cell) for cell in column]))


def _in_a_row(cells: list) -> pd.Series:
    """Concatenate lists in a dtype that holds all their items exactly."""
    dtypes = {getattr(cell, "dtype", np.dtype(object)) for cell in cells}
    if cells and all(dtype.kind in "iuf" for dtype in dtypes):
        flat = pd.Series(np.concatenate(cells))
        if len(dtypes) == 1 or not _may_be_rounded(flat):
            return flat
        cells = [cell.tolist() for cell in cells]
    items = list(chain.from_iterable(cells))
    try:
        flat = pd.Series(items, dtype=None if items else object)
    except UnicodeEncodeError:  # half a character, which strings of pandas do not hold
        return pd.Series(items, dtype=object)
    return pd.Series(objects(items)) if _may_be_rounded(flat) else flat


def _may_be_rounded(flat: pd.Series) -> bool:
    """Tell whether floats are so large that whole numbers became equal in them."""
    return flat.dtype.kind == "f" and bool((flat.abs() >= LARGEST_EXACT).any())


def _without(items: Items, padding: Any, max_len: int) -> Items:
    """Leave padding out, and then all but the last items."""
    rows = np.repeat(np.arange(len(items.lengths)), items.lengths)
    kept = np.array([item != padding for item in items.flat], dtype=bool)
    rows, flat = rows[kept], items.flat[kept]
    lengths = np.bincount(rows, minlength=len(items.lengths))
    after = np.repeat(np.cumsum(lengths), lengths) - 1 - np.arange(len(flat))
    last = after < max_len
    return Items(np.minimum(lengths, max_len), flat[last].reset_index(drop=True))


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
                "resize them, or name the column in sequence_features if these are "
                f"ids. Received: shape {array.shape} in row {row}."
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

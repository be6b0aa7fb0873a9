"""Cells of JSON to the tensor of a column, or an error that says what is wrong."""

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from skrec.export._ids import exact
from skrec.export._schema import Column

MOST_CELLS = 2**18  # of a tensor, unless one row has more


class CellError(ValueError):
    """A cell that a column cannot hold.

    Parameters
    ----------
    row : int
        Its row.
    message : str
        What is wrong, and what to send.
    """

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


def tensor_of(column: Column, cells: Sequence[Any]) -> np.ndarray:
    """Return what a column's tensor holds for some rows.

    Parameters
    ----------
    column : Column
        The column.
    cells : sequence
        Values as JSON has them, None where one is missing.

    Returns
    -------
    ndarray of shape (n_rows, ...)
        Values in the dtype of the column.

    Raises
    ------
    CellError
        At the first value that is not legal.
    """
    read, values = _reader(column), []
    for row, cell in enumerate(cells):
        try:
            values.append(read(column, cell))
        except ValueError as error:
            raise CellError(row, str(error)) from None
    if column.kind == "array":
        return np.stack(values)
    if column.kind == "list":
        return filled(column, values)
    return column.tensor(values)[:, None]


def filled(column: Column, lists: list[list[Any]]) -> np.ndarray:
    """Fill lists up to one length.

    Parameters
    ----------
    column : Column
        A column of lists.
    lists : list of list
        Ids in the dtype of the column.

    Returns
    -------
    ndarray of shape (n_rows, length of the longest)
        The lists; the model leaves out what they were filled up with.
    """
    length = max(map(len, lists), default=0)
    flat = [v for own in lists for v in own + [column.padding] * (length - len(own))]
    return column.tensor(flat).reshape(len(lists), length)


def blocks(
    widths: Iterable[int], least: int, most_rows: int = sys.maxsize
) -> Iterator[slice]:
    """Cut rows into blocks, so that their tensors stay small.

    Lists are filled up to the longest one, so that one long list among many rows would
    take a thousand times the memory of all of them.

    Parameters
    ----------
    widths : iterable of int
        Length of the longest list of each row.
    least : int
        Numbers that a row takes or gives at least.
    most_rows : int, default=sys.maxsize
        Rows in a block at most.

    Yields
    ------
    slice
        Rows that follow each other; one of no rows where there are none.
    """
    start, widest, row = 0, least, -1
    for row, width in enumerate(widths):
        n_rows, widest = row + 1 - start, max(widest, width)
        if n_rows > 1 and (n_rows > most_rows or n_rows * widest > MOST_CELLS):
            yield slice(start, row)
            start, widest = row, max(least, width)
    yield slice(start, row + 1)


def _reader(column: Column) -> Callable[[Column, Any], Any]:
    if column.kind == "array":
        return _array
    return _list if column.kind == "list" else _single(column)


def _single(column: Column) -> Callable[[Column, Any], Any]:
    """Return what reads one value."""
    if column.kind == "number":
        return _number
    return _text if column.is_text else _id


def _is_missing(cell: Any) -> bool:
    return cell is None or (type(cell) is float and math.isnan(cell))


def _text(column: Column, cell: Any) -> Any:
    if _is_missing(cell):
        return column.nothing
    if type(cell) is not str:
        raise ValueError(f"must be a string. Received: {shown(cell)}.")
    return exact(column, cell)


def _id(column: Column, cell: Any) -> Any:
    """Read an id among numbers; a flag is 0 or 1, as it is in a frame."""
    if _is_missing(cell):
        return column.nothing
    _require_number(cell)
    if column.dtype == "int64" and cell != int(cell):
        raise ValueError(f"must be a whole number. Received: {shown(cell)}.")
    return exact(column, cell)


def _number(column: Column, cell: Any) -> float:
    if _is_missing(cell):
        return math.nan
    _require_number(cell)
    # A number of too many digits counts as the largest, as in predict.
    largest = sys.float_info.max
    return float(max(-largest, min(largest, cell)))


def _require_number(cell: Any) -> None:
    if type(cell) not in (int, float, bool):
        raise ValueError(f"must be a number. Received: {shown(cell)}.")
    if type(cell) is float and math.isinf(cell):
        raise ValueError(f"must be a finite number. Received: {shown(cell)}.")


def _list(column: Column, cell: Any) -> list[Any]:
    """Read the ids of a list, the last ones where the model reads no others."""
    items = column.items(cell)
    if _is_missing(items):
        return []
    if not isinstance(items, list):
        raise ValueError(f"must be a list. Received: {shown(cell)}.")
    read = _single(column)
    items = [item for item in items if item not in column.fillers]
    if column.max_len:
        items = items[-column.max_len :]
    try:
        return [read(column, item) for item in items]
    except ValueError as error:
        raise ValueError(f"must be a list whose items {error}") from None


def _array(column: Column, cell: Any) -> np.ndarray:
    """Read numbers in lists of one shape."""
    shape: Any = column.shape
    if cell is None:
        return np.full(shape, math.nan)
    try:
        array = np.array(cell, dtype=object)
        flat = [_number(column, one) for one in array.ravel().tolist()]
    except ValueError as error:  # NumPy's own where lists differ in length
        found = str(error) if str(error).startswith("must") else "are of one length."
        raise ValueError(f"must be lists of numbers, which {found}") from None
    if array.shape != shape:
        raise ValueError(f"must be of shape {shape}. Received: shape {array.shape}.")
    return np.array(flat, dtype=np.float64).reshape(shape)


def shown(value: Any) -> str:
    """Return a value as JSON, cut where it is long.

    Parameters
    ----------
    value : object
        Parsed JSON.

    Returns
    -------
    str
        At most 80 characters.
    """
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."

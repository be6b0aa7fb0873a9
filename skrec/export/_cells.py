"""Cells of JSON to the tensor of a column, or an error that says what is wrong."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skrec.export._about import DTYPES, Column

LEAST_INT, MOST_INT = -(2**63), 2**63 - 1
LARGEST_EXACT = 2**53  # from here on, neighbouring whole numbers are one float


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
    if column.kind == "list":
        return _lists(column, cells)
    if column.shape:
        return _arrays(column, cells)
    return _values(column, cells)


def _values(column: Column, cells: Sequence[Any]) -> np.ndarray:
    """Return single values."""
    one = READERS[column.dtype]
    values = np.empty(len(cells), dtype=DTYPES[column.dtype])
    for row, cell in enumerate(cells):
        try:
            values[row] = one(column, cell)
        except ValueError as error:
            raise CellError(row, str(error)) from None
    return values


def _missing(column: Column, cell: Any) -> Any:
    """Return what stands for a missing value."""
    if column.missing is None:
        raise ValueError(f"must have a value. Received: {shown(cell)}.")
    return column.missing


def _is_missing(cell: Any) -> bool:
    return cell is None or (type(cell) is float and math.isnan(cell))


def _text(column: Column, cell: Any) -> str:
    if _is_missing(cell):
        return _missing(column, cell)
    if type(cell) is not str:
        raise ValueError(f"must be a string. Received: {shown(cell)}.")
    try:
        cell.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"must be a string of whole characters. Received: {shown(cell)}."
        ) from None
    return cell


def _whole(column: Column, cell: Any) -> int:
    if _is_missing(cell):
        return _missing(column, cell)
    if type(cell) is float and cell.is_integer() and abs(cell) < LARGEST_EXACT:
        cell = int(cell)
    if type(cell) is not int and type(cell) is not bool:
        raise ValueError(f"must be a whole number. Received: {shown(cell)}.")
    if not LEAST_INT <= cell <= MOST_INT:
        raise ValueError(f"must be a whole number of 64 bits. Received: {shown(cell)}.")
    return int(cell)


def _number(column: Column, cell: Any) -> float:
    if _is_missing(cell):
        return math.nan
    if type(cell) not in (int, float, bool):
        raise ValueError(f"must be a number. Received: {shown(cell)}.")
    if type(cell) is float and math.isinf(cell):
        raise ValueError(f"must be a finite number. Received: {shown(cell)}.")
    # A number of too many digits counts as the largest, as in predict.
    largest = float(np.finfo(column.dtype).max)
    return float(max(-largest, min(largest, cell)))


READERS: dict[str, Callable[[Column, Any], Any]] = {
    "string": _text,
    "int64": _whole,
    "float32": _number,
    "float64": _number,
}


def _lists(column: Column, cells: Sequence[Any]) -> np.ndarray:
    """Return the last ids of lists, with what is no id in front of fewer."""
    one, read = READERS[column.dtype], []
    for row, cell in enumerate(cells):
        if not isinstance(cell, list) and not _is_missing(cell):
            raise CellError(row, f"must be a list. Received: {shown(cell)}.")
        try:
            read.append([one(column, item) for item in cell or []])
        except ValueError as error:
            raise CellError(row, f"must be a list whose items {error}") from None
    length = column.shape[0] or max(1, max(map(len, read), default=1))
    padded = np.full((len(read), length), column.missing, DTYPES[column.dtype])
    for row, items in enumerate(read):
        last = items[-length:]
        padded[row, length - len(last) :] = last
    return padded


def _arrays(column: Column, cells: Sequence[Any]) -> np.ndarray:
    """Return arrays of numbers of one shape."""
    arrays: list[np.ndarray] = []
    for row, cell in enumerate(cells):
        array = _array(column, cell, row)
        if not _fits(array.shape, column.shape):
            wanted = ", ".join("any" if n is None else str(n) for n in column.shape)
            raise CellError(
                row, f"must be of shape ({wanted}). Received: shape {array.shape}."
            )
        if array.shape != (arrays or [array])[0].shape:
            raise CellError(
                row,
                f"must be of the shape of the other rows, {arrays[0].shape}: send "
                f"rows of other shapes by themselves. Received: {array.shape}.",
            )
        arrays.append(array)
    return np.stack(arrays)


def _array(column: Column, cell: Any, row: int) -> np.ndarray:
    """Return one array."""
    if cell is None and None not in column.shape:
        shape: Any = column.shape
        return np.full(shape, np.nan, column.dtype)
    try:
        array = np.array(cell, dtype=object)  # what is ragged raises
        flat = [_number(column, one) for one in array.ravel().tolist()]
    except ValueError as error:
        found = str(error) if str(error).startswith("must") else "are ragged."
        raise CellError(row, f"must be lists of numbers, which {found}") from None
    return np.array(flat, column.dtype).reshape(array.shape)


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        b is None or a == b for a, b in zip(shape, wanted, strict=True)
    )


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

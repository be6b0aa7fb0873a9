"""Ids of any numbers, or strings, in the one dtype that a tensor has."""

from typing import Any

from skrec.export._schema import Column

LEAST_INT, MOST_INT = -(2**63), 2**63 - 1


def exact(column: Column, value: Any) -> Any:
    """Return an id as nothing but itself.

    Parameters
    ----------
    column : Column
        A column of ids, or of lists of them.
    value : str, or a finite int, float or Decimal
        An id of the column's type.

    Returns
    -------
    str, int or float
        Of the same value; what stands for an unknown id where the dtype of the column
        does not hold it, or where it stands for a missing one or none at all, so that
        no known one can be meant.

    Raises
    ------
    ValueError
        If the column has nothing that stands for an unknown id.
    """
    if value in (column.missing, column.padding):
        return _unknown(column, value)
    if column.is_text:
        return value if _is_utf8(value) else _unknown(column, value)
    if column.dtype == "int64":
        is_held = value == int(value) and LEAST_INT <= value <= MOST_INT
        return int(value) if is_held else _unknown(column, value)
    try:
        is_held = float(value) == value
    except OverflowError:
        is_held = False
    return float(value) if is_held else _unknown(column, value)


def _is_utf8(text: str) -> bool:
    """Tell whether a tensor holds a text, which has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unknown(column: Column, value: Any) -> Any:
    if column.unknown is None:
        raise ValueError(f"must hold ids of type {column.dtype}. Received: {value!r}.")
    return column.unknown

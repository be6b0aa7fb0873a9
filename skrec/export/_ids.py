"""Ids of any numbers in the one dtype that a tensor has."""

from typing import Any

from skrec.export._about import Column

LEAST_INT, MOST_INT = -(2**63), 2**63 - 1


def exact(column: Column, number: Any) -> Any:
    """Return a number as an id, as nothing but itself.

    Parameters
    ----------
    column : Column
        A column of numbers that are ids.
    number : int, float or Decimal
        Finite.

    Returns
    -------
    int or float
        Of the same value; what stands for an unknown id where the dtype of the column
        does not hold it, so that no known one can be meant.
    """
    if column.dtype == "int64":
        is_held = number == int(number) and LEAST_INT <= number <= MOST_INT
        return int(number) if is_held else column.unknown
    try:
        return float(number) if float(number) == number else column.unknown
    except OverflowError:
        return column.unknown

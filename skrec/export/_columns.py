"""Rows of frames to the tensors of an exported model, by its schema alone."""

import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from skrec.export._cells import filled
from skrec.export._ids import exact
from skrec.export._schema import Column, Schema
from skrec.preprocessing._frames import named_columns
from skrec.preprocessing._ids import objects
from skrec.preprocessing._lists import Reading, flatten, stack
from skrec.preprocessing._numbers import number_block
from skrec.preprocessing._vocabulary import Factor, factorize, family


class Lists:
    """Lists of ids, filled up to one length for those rows alone that are asked for.

    Parameters
    ----------
    column : Column
        Their column.
    lengths : ndarray of shape (n_rows,)
        Length of each.
    ids : list
        Ids in the dtype of the column, one list after the other.

    Attributes
    ----------
    lengths : ndarray of shape (n_rows,)
        As given.
    """

    def __init__(self, column: Column, lengths: np.ndarray, ids: list[Any]) -> None:
        self.lengths = lengths
        self._column, self._ids = column, ids
        self._ends = np.concatenate([[0], np.cumsum(lengths)])

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(len(self.lengths))
        ends = self._ends[start : stop + 1].tolist()
        return filled(self._column, [self._ids[a:b] for a, b in pairwise(ends)])


def read_rows(schema: Schema, rows: Any, what: str) -> dict[str, np.ndarray | Lists]:
    """Read the columns that a model takes.

    Parameters
    ----------
    schema : Schema
        What its file says.
    rows : DataFrame or ndarray of shape (n_rows, ...)
        Rows, in pandas or polars, with the columns of the model, in any order; further
        ones are passed over. Where X had no names, columns are in the order of X. An
        array where the model was trained on arrays.
    what : str
        What the rows are called, for the messages.

    Returns
    -------
    dict of str to ndarray of shape (n_rows, ...), or Lists
        Each column; a slice of it is a tensor.

    Raises
    ------
    TypeError
        If `rows` is no frame.
    ValueError
        If a column is missing, or a value is not legal.
    """
    columns = list(schema.columns.values())
    if schema.takes_arrays:
        return {columns[0].name: _array(columns[0], rows, what)}
    if isinstance(rows, np.ndarray):
        rows = pd.DataFrame(rows)
    names = list(getattr(rows, "columns", ()))
    if names and not any(isinstance(name, str) for name in names):
        rows = _by_position(rows, columns, what)
        names = list(rows.columns)
    wanted = [c.name for c in columns if c.required or c.name in names]
    frame = named_columns(rows, wanted, what)
    nothing = pd.Series([None] * len(frame), dtype=object)
    return {c.name: _column(c, frame.get(c.name, nothing)) for c in columns}


def tensors_of_rows(schema: Schema, rows: Any, what: str) -> dict[str, np.ndarray]:
    """Return what a model takes for some rows: see :func:`read_rows`."""
    return {name: own[:] for name, own in read_rows(schema, rows, what).items()}


def _array(column: Column, rows: Any, what: str) -> np.ndarray:
    """Return rows of numbers, in the shape that the model takes."""
    values = np.asarray(rows, dtype=np.float64)
    sizes = zip(values.shape[1:], column.shape, strict=False)
    fits = values.ndim == 1 + len(column.shape)
    if not fits or any(wanted not in (None, found) for found, wanted in sizes):
        raise ValueError(
            f"{what} must be of shape (n_rows, *{column.shape}), as in fit. Received: "
            f"shape {values.shape}."
        )
    if (wrong := np.isinf(values)).any():
        row = int(wrong.reshape(len(values), -1).any(axis=1).argmax())
        raise ValueError(f"{what} holds infinity in row {row}: replace it.")
    return values


def _by_position(frame: pd.DataFrame, columns: list[Column], what: str) -> pd.DataFrame:
    """Name the columns of a frame that has none, as the model's were."""
    last = max(column.position for column in columns)
    if frame.shape[1] <= last:
        raise ValueError(
            f"{what} must have the {last + 1} columns of X in fit. Received: "
            f"{frame.shape[1]}."
        )
    return pd.DataFrame({c.name: frame.iloc[:, c.position] for c in columns})


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
    return _column(column, series)[:]


def _column(column: Column, series: pd.Series) -> np.ndarray | Lists:
    name = column.name
    if column.kind == "number":
        return number_block(series.to_frame(name), [0], [name]).astype(np.float64)
    if column.kind == "array":
        shape: tuple = column.shape
        return stack(series, name, shape).astype(np.float64)
    if column.kind == "id":
        return _ids(column, factorize(series, name))[:, None]
    reading = Reading(column.separator, column.fillers)
    lengths, flat = flatten(series, name, column.max_len or sys.maxsize, reading)
    ids = _ids(column, factorize(flat, name, lengths)).tolist()
    return Lists(column, lengths, ids)


def _ids(column: Column, factor: Factor) -> np.ndarray:
    """Return ids by their values, each different one converted once."""
    wanted, given = "strings" if column.is_text else "numbers", family(factor.values)
    values = objects(factor.values) if column.is_text else factor.values
    if given not in (None, wanted):
        raise ValueError(
            f"column {column.name!r} held {wanted} in fit: convert it. Received: "
            f"{given}, such as {values[0]!r}."
        )
    try:
        known = [exact(column, value) for value in values.tolist()]
        if (factor.positions < 0).any():
            known.append(column.nothing)  # -1, missing, is the last of them
    except ValueError as error:
        raise ValueError(f"column {column.name!r} {error}") from None
    return column.tensor(known)[factor.positions]

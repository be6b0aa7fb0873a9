"""What clients send: a body read within a limit, JSON, rows, columns."""

import json
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import numpy as np

from skrec.export._cells import CellError, blocks, shown, tensor_of
from skrec.export._schema import Column

# So many times the limit of a body is read and dropped, so that who sends too much
# gets an answer instead of a connection that breaks.
DROPPED = 16
MOST_STRANGERS = 20  # columns that the model does not have, named in an answer


class RequestError(Exception):
    """A request that cannot be answered.

    Parameters
    ----------
    status : int
        The code of HTTP.
    detail : str or list of dict
        What is wrong: as FastAPI says it, a list where it is in the values.
    """

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def problem(place: list[Any], message: str) -> dict[str, Any]:
    """Describe a wrong value as FastAPI does.

    Parameters
    ----------
    place : list
        Where it is: row, where there are several, and column.
    message : str
        What is wrong.

    Returns
    -------
    dict
        ``"loc"``, ``"msg"`` and ``"type"``.
    """
    return {"loc": ["body", *place], "msg": message, "type": "value_error"}


async def read_body(parts: AsyncIterator[bytes], max_bytes: int) -> bytes:
    """Put a body together, within a limit.

    Parameters
    ----------
    parts : async iterator of bytes
        The body as it comes.
    max_bytes : int
        The limit.

    Returns
    -------
    bytes
        The body.

    Raises
    ------
    RequestError
        If it is longer.
    """
    kept, size = [], 0
    async for part in parts:
        size += len(part)
        if size <= max_bytes:
            kept.append(part)
        elif size > DROPPED * max_bytes:
            break
    if size > max_bytes:
        raise RequestError(
            413,
            f"The body must have at most {max_bytes} bytes: send fewer rows at a time. "
            f"Received: {size} bytes or more.",
        )
    return b"".join(kept)


def parse(body: bytes) -> Any:
    """Read JSON.

    Parameters
    ----------
    body : bytes
        Text.

    Returns
    -------
    object
        What it says.

    Raises
    ------
    RequestError
        If it is no JSON, or says one thing twice.
    """
    try:
        return json.loads(body, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        received = str(error) if body else "an empty body"
        raise RequestError(
            400,
            "The body must be JSON: an object for one row, with a value for each "
            "column, or a list of such objects; GET /schema names the columns. "
            f"Received: {received}.",
        ) from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of names that are each there once."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{shown(name)} twice in one object")
        found[name] = value
    return found


def rows_of(parsed: Any) -> tuple[list[dict[str, Any]], bool]:
    """Return rows, one or many.

    Parameters
    ----------
    parsed : object
        Parsed JSON.

    Returns
    -------
    tuple of (list of dict, bool)
        The rows, and whether it is one that came without a list.
    """
    if isinstance(parsed, dict):
        return [parsed], True
    if not isinstance(parsed, list) or not parsed:
        raise RequestError(
            422,
            [
                problem(
                    [],
                    "The body must be an object, for one row, or a list of at least "
                    f"one object. Received: {shown(parsed)}.",
                )
            ],
        )
    for row, one in enumerate(parsed):
        if not isinstance(one, dict):
            raise RequestError(
                422,
                [
                    problem(
                        [row], f"Row {row} must be an object. Received: {shown(one)}."
                    )
                ],
            )
    return parsed, False


def blocks_of(
    rows: list[dict[str, Any]], columns: Mapping[str, Column], n_outputs: int
) -> Iterator[slice]:
    """Cut rows into blocks, so that their tensors stay small.

    Parameters
    ----------
    rows : list of dict
        Rows by names of columns.
    columns : dict of str to Column
        What the model takes.
    n_outputs : int
        Numbers that the model computes of a row.

    Returns
    -------
    iterator of slice
        Rows that follow each other.
    """
    lists = [own for own in columns.values() if own.kind == "list"]
    arrays = [own.shape for own in columns.values() if own.kind == "array"]
    # A null for an image is a few bytes in the body.
    least = max(n_outputs, *(math.prod(k or 1 for k in one) for one in arrays), 1)
    widths = (max((_length(own, one) for own in lists), default=0) for one in rows)
    return blocks(widths, least)


def _length(column: Column, row: dict[str, Any]) -> int:
    """Return an upper bound of the items of a list that the model reads."""
    cell = row.get(column.name)
    length = len(cell) if isinstance(cell, (list, str)) else 0
    return min(length, column.max_len or length)


def columns_of(
    rows: list[dict[str, Any]],
    columns: Mapping[str, Column],
    is_one: bool,
    first: int = 0,
) -> dict[str, np.ndarray]:
    """Return the tensors of all columns.

    Parameters
    ----------
    rows : list of dict
        Rows by names of columns.
    columns : dict of str to Column
        What the model takes.
    is_one : bool
        Whether the row came without a list, for the messages.
    first : int, default=0
        Number of the first row, for the messages.

    Returns
    -------
    dict of str to ndarray
        Values of each column.

    Raises
    ------
    RequestError
        That names, for each column in which something is wrong, the first such row.
    """
    tensors, problems = {}, _strangers(rows, columns, is_one, first)
    for name, column in columns.items():
        try:
            tensors[name] = tensor_of(column, _cells(rows, column))
        except CellError as error:
            row = first + error.row
            place = [name] if is_one else [row, name]
            where = f"column {name!r}" + ("" if is_one else f", row {row}")
            problems.append(problem(place, f"{where}: {error}"))
    if problems:
        raise RequestError(422, problems)
    return tensors


def _cells(rows: list[dict[str, Any]], column: Column) -> list[Any]:
    """Return the values of a column."""
    name = column.name
    if column.required:
        for row, one in enumerate(rows):
            if name not in one:
                raise CellError(
                    row,
                    "is missing: send it, as null where its value is not known. "
                    f"Received: columns {shown(sorted(one))}.",
                )
    return [one.get(name) for one in rows]


def _strangers(
    rows: list[dict[str, Any]],
    columns: Mapping[str, Column],
    is_one: bool,
    first: int,
) -> list[dict[str, Any]]:
    """Name columns that the model does not have, each once."""
    found: dict[str, int] = {}
    for row, one in enumerate(rows, first):
        if not one.keys() <= columns.keys():
            for name in one.keys() - columns.keys():
                found.setdefault(name, row)
    named = sorted(found.items())[:MOST_STRANGERS]
    problems = [
        problem(
            [name] if is_one else [row, name],
            f"column {name!r} is not one of the model's: leave it out. Received: "
            f"it beside {shown(list(columns))}.",
        )
        for name, row in named
    ]
    if len(found) > len(named):
        more = len(found) - len(named)
        problems.append(problem([], f"{more} more columns are not the model's."))
    return problems

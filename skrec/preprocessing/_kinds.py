"""Which columns of a table are ids, numbers, sequences of ids or arrays."""

import re
from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype

from skrec._warn import warn_user
from skrec.preprocessing._ids import are_numbers
from skrec.preprocessing._lists import LIST_TYPES, is_ids, looks_padded
from skrec.preprocessing._vocabulary import raise_mixed, raise_unhashable

ID_NAME = re.compile(r"(^|_)id$|I[dD]$")
ID_VALUES = 20  # an integer with more values than this may well be an id
OBJECT_KINDS = {
    "string": "text",
    "bytes": "text",
    "empty": "text",
    "boolean": "boolean",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "datetime64": "date",
    "datetime": "date",
    "date": "date",
    "timedelta64": "date",
    "timedelta": "date",
    "time": "date",
    "period": "date",
}


class Column(NamedTuple):
    """What a column of a table became.

    Parameters
    ----------
    kind : {"id", "number", "sequence", "array"}
        Kind of field.
    position : int
        Which of the columns of this kind it is, from 0 on.
    table : int or None
        Embedding table of its ids.
    """

    kind: str
    position: int
    table: int | None


def chosen_columns(chosen: Any, names: list, parameter: str) -> list[int]:
    """Return the positions of columns that a parameter names.

    Parameters
    ----------
    chosen : array-like
        Names, positions, or a mask over all columns.
    names : list
        Names of all columns; their positions if they have none.
    parameter : str
        Name of the parameter, for the messages.

    Returns
    -------
    list of int
        Positions, in the order of the choice.

    Raises
    ------
    ValueError
        If there is no such column, or one is named twice.
    """
    chosen = [chosen] if isinstance(chosen, str) else list(chosen)
    if chosen and all(isinstance(one, (bool, np.bool_)) for one in chosen):
        if len(chosen) != len(names):
            raise ValueError(
                f"{parameter} as a mask must have one value for each of the "
                f"{len(names)} columns of X. Received: {len(chosen)} values."
            )
        return np.flatnonzero(chosen).tolist()
    found = []
    for one in chosen:
        if isinstance(one, str) and one in names:
            found.append(names.index(one))
        elif isinstance(one, (int, np.integer)) and -1 < one < len(names):
            found.append(int(one))
        else:
            raise ValueError(
                f"{parameter} must name columns of X, or give their positions: there "
                f"is no column {one!r}. Received: columns {names}."
            )
    if len(set(found)) < len(found):
        raise ValueError(f"{parameter} names a column twice. Received: {chosen}.")
    return found


def shared_groups(shared: Any, names: list) -> list[list[int]]:
    """Return the positions of the columns that share each table.

    Parameters
    ----------
    shared : None or sequence of sequences of columns
        The parameter `shared_embeddings`.
    names : list
        Names of all columns; their positions if they have none.

    Returns
    -------
    list of list of int
        Groups.
    """
    if shared is None:
        return []
    if isinstance(shared, str) or any(isinstance(group, str) for group in shared):
        raise ValueError(
            "shared_embeddings must be a list of groups of columns, such as "
            f"[('item', 'history')]. Received: {shared!r}."
        )
    groups = [chosen_columns(group, names, "shared_embeddings") for group in shared]
    seen: set[int] = set()
    for group in groups:
        twice = seen & set(group)
        if twice:
            raise ValueError(
                f"shared_embeddings has column {names[min(twice)]!r} in two groups: "
                f"join them. Received: {shared!r}."
            )
        seen |= set(group)
    return groups


def read_columns(
    frame: pd.DataFrame, names: list, categorical: Any, sequences: Any, shared: Any
) -> tuple[dict[Any, Column], dict[int, Any]]:
    """Decide what each column is, by the parameters of :class:`FieldEncoder`.

    Parameters
    ----------
    frame : DataFrame
        Table.
    names : list
        Names of its columns; their positions if they have none.
    categorical, sequences, shared : object
        The parameters `categorical_features`, `sequence_features` and
        `shared_embeddings`.

    Returns
    -------
    dict of Column
        By name, in the order of the columns.
    dict of int to object
        By position: what separates or pads the ids of sequences, where it was said.
    """
    groups = shared_groups(shared, names)
    in_ids = _chosen(categorical, names, "categorical_features")
    if isinstance(sequences, dict):
        positions = chosen_columns(list(sequences), names, "sequence_features")
        marks = dict(zip(positions, sequences.values(), strict=True))
        kinds = column_kinds(frame, names, in_ids, None, groups, marks)
        return lay_out(names, kinds, groups), marks
    in_sequences = _chosen(sequences, names, "sequence_features")
    kinds = column_kinds(frame, names, in_ids, in_sequences, groups)
    return lay_out(names, kinds, groups), {}


def _chosen(chosen: Any, names: list, parameter: str) -> list[int] | None:
    """Return the columns that a parameter names; None says by dtype."""
    if isinstance(chosen, str):
        return None
    return chosen_columns([] if chosen is None else chosen, names, parameter)


def column_kinds(
    frame: pd.DataFrame,
    names: list,
    categorical: list[int] | None,
    sequences: list[int] | None,
    shared: list[list[int]],
    marks: dict[int, Any] | None = None,
) -> list[str]:
    """Decide what each column is.

    Parameters
    ----------
    frame : DataFrame
        Table.
    names : list
        Names of its columns, for the messages.
    categorical : list of int, or None
        Columns that are ids, beside those of strings and categories, which can be
        nothing else; none at all if empty, by dtype if None.
    sequences : list of int, or None
        The columns that are sequences of ids; by dtype if None.
    shared : list of list of int
        Columns that share tables: ids or sequences, whatever their dtype.
    marks : dict of int to object, default=None
        Further columns that are sequences of ids: separators of their strings, or what
        pads their lists.

    Returns
    -------
    list of {"id", "number", "sequence", "array"}
        Kind of each column.

    Raises
    ------
    ValueError
        If a column cannot be what it should be.
    """
    looks = [_look(frame.iloc[:, c], name) for c, name in enumerate(names)]
    _require_no_dates(frame, names, looks)
    ids = {c for group in shared for c in group}
    kinds = []
    for c, (look, name) in enumerate(zip(looks, names, strict=True)):
        named = (sequences is not None and c in sequences) or c in (marks or {})
        separator = (marks or {}).get(c)
        kind = _kind(
            frame.iloc[:, c],
            look,
            c,
            categorical,
            sequences,
            c in ids,
            named,
            separator,
        )
        if kind is None:
            raise ValueError(_cannot_be(name, look, named))
        kinds.append(kind)
    if categorical is None:
        _warn_of_ids(frame, names, kinds)
    if sequences is None:
        _warn_of_padded_floats(frame, names, kinds)
    return kinds


def lay_out(
    names: list, kinds: list[str], shared: list[list[int]]
) -> dict[Any, Column]:
    """Give columns their number among those of a kind, and their embedding table.

    Parameters
    ----------
    names : list
        Names of the columns.
    kinds : list of str
        Their kinds.
    shared : list of list of int
        Columns that share tables.

    Returns
    -------
    dict of Column
        By name, in the order of the columns.
    """
    first = {c: group[0] for group in shared for c in group}
    tables: dict[int, int] = {}
    counts = dict.fromkeys(("id", "number", "sequence", "array"), 0)
    columns = {}
    for c, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        table = None
        if kind in ("id", "sequence"):
            table = tables.setdefault(first.get(c, c), len(tables))
        columns[name] = Column(kind, counts[kind], table)
        counts[kind] += 1
    return columns


def _kind(
    column: pd.Series,
    look: str,
    position: int,
    categorical: list[int] | None,
    sequences: list[int] | None,
    shared: bool,
    in_sequences: bool,
    separator: Any,
) -> str | None:
    """Return the kind of a column, or None if it cannot be what it should be."""
    in_ids = categorical is not None and position in categorical
    if look == "list":
        if in_ids:
            return None
        by_dtype = sequences is None and is_ids(column)
        return "sequence" if in_sequences or shared or by_dtype else "array"
    if in_sequences:
        if in_ids:
            return None
        is_text = look == "text" or (look == "category" and _is_text(column))
        joined = is_text and isinstance(separator, str) and separator != ""
        return "sequence" if joined or column.isna().all() else None
    by_dtype = categorical is None and look in ("text", "category", "boolean")
    # A column that is named does not make numbers of others that cannot be any.
    as_well = bool(categorical) and look in ("text", "category")
    if in_ids or shared or by_dtype or as_well:
        return "id"
    if look == "category":
        return "number" if is_numeric_dtype(column.cat.categories) else None
    return None if look == "text" else "number"


def _is_text(column: pd.Series) -> bool:
    """Tell whether the categories of a column are strings."""
    return infer_dtype(column.cat.categories) in ("string", "empty")


def _look(column: pd.Series, name: Hashable) -> str:
    """Say what a column's dtype is, or that of the objects in it."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if isinstance(dtype, pd.PeriodDtype) or dtype.kind in "mM":
        return "date"
    if is_bool_dtype(dtype):
        return "boolean"
    if dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: column {name!r}. Received: dtype {dtype}."
        )
    if is_numeric_dtype(dtype):
        return "number"
    if isinstance(dtype, pd.StringDtype):
        return "text"
    found = OBJECT_KINDS.get(infer_dtype(column, skipna=True))
    return found or _look_of_objects(column, name)


def _look_of_objects(column: pd.Series, name: Hashable) -> str:
    """Recognise lists; raise for everything else that pandas has no name for."""
    present = column[~column.isna()]
    if all(isinstance(cell, LIST_TYPES) for cell in present):
        return "list"
    if are_numbers(present):  # of several types
        return "number"
    raise_unhashable(
        column.where([not isinstance(cell, LIST_TYPES) for cell in column]), name
    )
    raise_mixed(column, name)
    raise AssertionError  # the line above raises


def _require_no_dates(frame: pd.DataFrame, names: list, looks: list[str]) -> None:
    """Name all columns of dates, and what to make of them."""
    dates = {
        name: str(frame.dtypes.iloc[c])
        for c, (name, look) in enumerate(zip(names, looks, strict=True))
        if look == "date"
    }
    if dates:
        raise ValueError(
            f"columns {list(dates)} hold dates or durations, which models cannot take: "
            "encode them as parts such as hour and weekday, which are categories, or "
            "as a number of seconds since a reference, or drop them. Received: dtypes "
            f"{dates}."
        )


def _cannot_be(name: Hashable, look: str, in_sequences: bool) -> str:
    """Say why a column cannot be what it should be."""
    if look == "list":
        return (
            f"column {name!r} holds lists, so it is no categorical feature: name it in "
            "sequence_features. Received: it in categorical_features."
        )
    if in_sequences:
        return (
            f"column {name!r} of sequence_features must hold lists of ids; of strings "
            "such as 'a|b', say what separates the ids: sequence_features="
            f"{{{name!r}: '|'}}. Received: single values."
        )
    return (
        f"column {name!r} holds strings or categories, which are no numbers: name it "
        "in categorical_features, or drop it. Received: categorical_features without "
        "it."
    )


def _warn_of_ids(frame: pd.DataFrame, names: list, kinds: list[str]) -> None:
    """Warn of whole numbers that are ids by their name."""
    suspects = [
        name
        for c, (name, kind) in enumerate(zip(names, kinds, strict=True))
        if kind == "number"
        and isinstance(name, str)
        and ID_NAME.search(name)
        and _has_many_integers(frame.iloc[:, c])
    ]
    if suspects:
        warn_user(
            f"columns {suspects} are read as numbers, though their names and values "
            "look like ids: name them in categorical_features or shared_embeddings, "
            "or give them the dtype 'category', to get an embedding for each id."
        )


def _warn_of_padded_floats(frame: pd.DataFrame, names: list, kinds: list[str]) -> None:
    """Warn of vectors that look like histories which NumPy has made floats of."""
    suspects = [
        name
        for c, (name, kind) in enumerate(zip(names, kinds, strict=True))
        if kind == "array" and _is_padded_history(frame.iloc[:, c])
    ]
    if suspects:
        warn_user(
            f"columns {suspects} are read as vectors of numbers, though they look like "
            "lists of ids that were filled up with zeros: name them in "
            "sequence_features, or give the lists integers, to get an embedding for "
            "each id."
        )


def _is_padded_history(column: pd.Series) -> bool:
    """Tell whether vectors are whole numbers with zeros at one end."""
    cells = [cell for cell in column if isinstance(cell, LIST_TYPES)]
    if not looks_padded(column):
        return False
    block = np.array(cells, dtype=np.float64)
    return bool((block == np.floor(block)).all()) and len(np.unique(block)) > ID_VALUES


def warn_of_unique(names: list) -> None:
    """Warn of columns of ids of which nearly each is there once.

    Parameters
    ----------
    names : list
        Their names; there is no warning if there are none.
    """
    if names:
        warn_user(
            f"columns {names} have an id of its own in nearly every row, so nothing "
            "that is learnt of one tells of another: drop them, keep the part that "
            "rows have in common, or set min_count=2, which reads ids that occur once "
            "as unknown."
        )


def _has_many_integers(column: pd.Series) -> bool:
    """Tell whether there are many whole numbers and nothing else."""
    values = pd.unique(column.dropna())
    whole = all(float(value).is_integer() for value in values[: ID_VALUES + 1])
    return len(values) > ID_VALUES and whole


def warn_of_empty(names: list) -> None:
    """Warn of columns without a single value in the rows learnt from.

    Parameters
    ----------
    names : list
        Their names; there is no warning if there are none.
    """
    if names:
        warn_user(
            f"columns {names} have only missing values in the rows that the encoder "
            "learns from, so nothing can be learnt from them: drop them."
        )

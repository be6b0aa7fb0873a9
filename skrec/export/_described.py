"""What a fitted named estimator takes: its columns, and the ids that it knows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from skrec.estimators.base import BaseNetwork
from skrec.export._schema import Column
from skrec.export._sentinels import sentinels
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._lists import Reading
from skrec.preprocessing._network_inputs import TableInputs
from skrec.preprocessing._vocabulary import FIRST, Vocabulary


class Ids(NamedTuple):
    """What is known of the ids of a table.

    Parameters
    ----------
    dtype : {"string", "int64", "float64"}
        Of the tensors that hold them.
    keys : ndarray
        Ids.
    codes : ndarray of int64
        What they become.
    special : dict
        What stands for missing ones, for filling up and for none.
    """

    dtype: str
    keys: np.ndarray
    codes: np.ndarray
    special: dict[str, Any]


def ids_of(vocabulary: Vocabulary, names: list[Any]) -> Ids:
    """Read a vocabulary.

    Parameters
    ----------
    vocabulary : Vocabulary
        What was learnt.
    names : list
        The columns that share it, for the error.

    Returns
    -------
    Ids
        Ids in a dtype that ONNX looks up.

    Raises
    ------
    ValueError
        If there is none.
    """
    ids = vocabulary.ids
    dtype = {"i": "int64", "b": "int64", "f": "float64"}.get(ids.dtype.kind)
    if dtype is None and all(isinstance(value, str) for value in ids):
        dtype = "string"
    if dtype is None:
        raise ValueError(
            f"columns {names} hold ids of a type that ONNX does not look up: make "
            "them strings, or integers of 64 bits, and fit again. Received: "
            f"{ids[0]!r}, of type {type(ids[0]).__name__}."
        )
    keys = ids if dtype == "string" else ids.astype(dtype)
    special = sentinels(dtype, keys)
    codes = np.arange(FIRST, FIRST + len(ids))
    if vocabulary.missing:
        gone = np.nan if dtype == "float64" else special["missing"]
        keys, codes = np.append(keys, [gone]), np.append(codes, FIRST + len(ids))
    return Ids(dtype, keys, codes, special)


class Described(NamedTuple):
    """What an estimator takes.

    Parameters
    ----------
    input : {"table", "array"}
        The kind of X.
    columns : list of Column
        In the order in which it reads them.
    encoder : FieldEncoder or None
        What makes codes of them; None where all are numbers, or there is one array.
    ids : list of Ids
        Of each table of the encoder.
    """

    input: str
    columns: list[Column]
    encoder: FieldEncoder | None = None
    ids: Sequence[Ids] = ()


def described(estimator: BaseNetwork) -> Described:
    """Describe what an estimator takes.

    Parameters
    ----------
    estimator : BaseNetwork
        Fitted.

    Returns
    -------
    Described
        Its columns.
    """
    inputs: Any = estimator._inputs
    names = getattr(estimator, "feature_names_in_", None)
    encoder = inputs.encoder if isinstance(inputs, TableInputs) else None
    if encoder is None or (names is None and encoder.spec_.only_numbers):
        return Described(*array_columns(estimator._input_shape, names))
    fields = encoder.columns_.values()
    positions = inputs.columns or list(range(len(fields)))
    called = [f"x{k}" if names is None else str(names[k]) for k in positions]
    ids = [
        ids_of(
            vocabulary,
            [name for own, name in zip(fields, called, strict=True) if own.table == t],
        )
        for t, vocabulary in enumerate(encoder._vocabularies)
    ]
    columns = [
        _column(encoder, own, name, position, ids)
        for own, name, position in zip(fields, called, positions, strict=True)
    ]
    return Described("table", columns, encoder, ids)


def array_columns(shape: Sequence[int], names: Any) -> tuple[str, list[Column]]:
    """Describe an array, or each of its columns where they have names.

    Parameters
    ----------
    shape : sequence of int
        Of one row.
    names : ndarray of str, or None
        Names of the columns.

    Returns
    -------
    input : {"table", "array"}
        The kind of X.
    columns : list of Column
        One called "X" where there are no names.
    """
    if names is None:
        return "array", [Column("X", "array", "float64", tuple(shape))]
    return "table", [
        Column(str(name), "number", "float64", position=k)
        for k, name in enumerate(names)
    ]


def _column(
    encoder: FieldEncoder, own: Any, name: str, position: int, ids: Sequence[Ids]
) -> Column:
    """Describe a column of a table."""
    if own.kind == "number":
        return Column(name, "number", "float64", position=position)
    if own.kind == "array":
        shape = encoder._shapes[own.position]
        return Column(name, "array", "float64", shape, position)
    known = ids[own.table]
    if own.kind == "id":
        special = {key: known.special[key] for key in ("missing", "unknown")}
        return Column(name, "id", known.dtype, position=position, **special)
    reading = encoder._readings[own.position]
    return Column(
        name,
        "list",
        known.dtype,
        (None,),
        position,
        separator=reading.separator,
        filler=filler_of(reading, known.dtype),
        max_len=int(encoder.max_len),
        **known.special,
    )


def filler_of(reading: Reading, dtype: str) -> Any:
    """Return the id that is no item of a list.

    Parameters
    ----------
    reading : Reading
        Of the column.
    dtype : {"string", "int64", "float64"}
        Of its ids.

    Returns
    -------
    str, int, float or None
        None where there is none among ids of the dtype.
    """
    for mark in reading.padding:
        if isinstance(mark, str) == (dtype == "string"):
            return mark.item() if isinstance(mark, np.generic) else mark
    return None

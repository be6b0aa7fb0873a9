"""The columns of a table as inputs of a graph, and from there to codes and numbers."""

from typing import Any, NamedTuple

import numpy as np

from skrec.export._graph import BATCH, Graph
from skrec.export._schema import column, sentinels
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._vocabulary import FIRST, UNKNOWN, Vocabulary

PADDING = 0
# Lists have at least so many steps, as some layers need more than none.
FEWEST_STEPS = 2


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


def table_inputs(
    graph: Graph, encoder: FieldEncoder, names: list[str], positions: list[int]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Add the inputs of a table, and what makes codes and numbers of them.

    Parameters
    ----------
    graph : Graph
        Where to.
    encoder : FieldEncoder
        Fitted.
    names : list of str
        What the inputs are called, in the order of the encoder's columns.
    positions : list of int
        Where these columns stand in X.

    Returns
    -------
    columns : list of dict
        Of the schema.
    fields : dict of str to str
        ``"ids"``, ``"numbers"``, ``"sequence_0"``, ... ``"array_0"``, ...: not scaled.
    """
    read = list(zip(encoder.columns_.values(), names, strict=True))
    known = {
        t: ids_of(vocabulary, [name for own, name in read if own.table == t])
        for t, vocabulary in enumerate(encoder._vocabularies)
    }
    columns = []
    for (own, name), position in zip(read, positions, strict=True):
        about = _described(encoder, own, name, known)
        open_ = [f"{name}_length" if size is None else size for size in about["shape"]]
        graph.input(name, about["dtype"], [BATCH, *open_])
        columns.append({**about, "position": position})
    fields = {}
    numbers = [name for own, name in read if own.kind == "number"]
    if numbers:
        fields["numbers"] = graph.side_by_side(numbers)
    for own, name in read:
        if own.kind == "array":
            fields[f"array_{own.position}"] = name
    codes: dict[tuple[str, int], str] = {}
    for t, ids in known.items():
        members = [(own, name) for own, name in read if own.table == t]
        found = look_up_all(graph, ids, [name for _, name in members], UNKNOWN)
        for (own, name), code in zip(members, found, strict=True):
            if own.kind == "sequence":
                code = _steps(graph, encoder, own.position, name, code, ids)
            codes[own.kind, own.position] = code
    n_ids = sum(kind == "id" for kind, _ in codes)
    if n_ids:
        fields["ids"] = graph.side_by_side([codes["id", k] for k in range(n_ids)])
    for (kind, position), code in codes.items():
        if kind == "sequence":
            fields[f"sequence_{position}"] = code
    return columns, fields


def _described(
    encoder: FieldEncoder, own: Any, name: str, known: dict[int, Ids]
) -> dict[str, Any]:
    """Describe a column."""
    if own.kind == "number":
        return column(name, "number", "float64", [1])
    if own.kind == "array":
        return column(name, "array", "float64", encoder._shapes[own.position])
    ids = known[own.table]
    if own.kind == "id":
        special = {key: ids.special[key] for key in ("missing", "unknown")}
        return column(name, "id", ids.dtype, [1], **special)
    reading = encoder._readings[own.position]
    more = {"separator": reading.separator, "max_len": int(encoder.max_len)}
    return column(name, "list", ids.dtype, [None], **ids.special, **more)


def look_up_all(graph: Graph, ids: Ids, inputs: list[str], unknown: int) -> list[str]:
    """Look up the ids of all columns that share a table, which is stored once.

    Parameters
    ----------
    graph : Graph
        Where to.
    ids : Ids
        What is known.
    inputs : list of str
        Tensors of any shape.
    unknown : int
        Code of other ids.

    Returns
    -------
    list of str
        Codes, in the shapes of the inputs.
    """
    if len(inputs) == 1:
        return [graph.look_up(inputs[0], ids.keys, ids.codes, unknown)]
    row = graph.constant(np.array([-1]))
    flat = [graph.add("Reshape", one, row) for one in inputs]
    sizes = graph.add("Concat", *[graph.add("Shape", one) for one in flat], axis=0)
    codes = graph.look_up(
        graph.add("Concat", *flat, axis=0), ids.keys, ids.codes, unknown
    )
    parts = graph.add_several(len(inputs), "Split", codes, sizes, axis=0)
    return [
        graph.add("Reshape", part, graph.add("Shape", one), allowzero=1)
        for part, one in zip(parts, inputs, strict=True)
    ]


def _steps(
    graph: Graph,
    encoder: FieldEncoder,
    position: int,
    name: str,
    codes: str,
    ids: Ids,
) -> str:
    """Make rows of lists: the last items at the end, padding in front."""
    nothing = [ids.special["padding"]]
    mark = encoder._readings[position].padding
    if mark and isinstance(mark[0], str) == (ids.dtype == "string"):
        nothing.append(mark[0])
    keys = np.array(nothing, dtype=object if ids.dtype == "string" else ids.dtype)
    is_item = graph.look_up(name, keys, np.zeros(len(keys), np.int64), 1)
    fewest = min(FEWEST_STEPS, encoder._lengths[position])
    return last_steps(
        graph, codes, is_item, fewest, int(encoder.max_len), nothing=PADDING
    )


def last_steps(
    graph: Graph, codes: str, is_item: str, fewest: int, most: int, nothing: int
) -> str:
    """Move the items of lists to the end, and keep the last ones.

    Parameters
    ----------
    graph : Graph
        Where to.
    codes : str
        Of shape (batch, length).
    is_item : str
        1 where there is an item, 0 where there is none.
    fewest, most : int
        Length of what is returned.
    nothing : int
        Code of no item.

    Returns
    -------
    str
        Codes of shape (batch, from fewest to most).
    """
    integers = {n: graph.constant(np.array([n])) for n in {0, 1, fewest, most}}
    shape = graph.add("Shape", codes)
    rows = graph.add("Gather", shape, integers[0], axis=0)
    length = graph.add("Gather", shape, integers[1], axis=0)
    width = graph.add("Add", length, integers[fewest])
    last = graph.add("CumSum", is_item, graph.constant(np.array(1)), reverse=1)
    # The first place of a row is for all that is no item, and is cut off in the end.
    place = graph.add("Add", graph.add("Sub", width, last), integers[1])
    place = graph.add("Mul", place, is_item)
    filler = graph.constant(np.array([nothing]))
    places = graph.add("Add", width, integers[1])
    blank = graph.add("Expand", filler, graph.add("Concat", rows, places, axis=0))
    is_there = graph.add("Cast", is_item, to=graph.onnx.TensorProto.BOOL)
    codes = graph.add("Where", is_there, codes, filler)
    moved = graph.add("ScatterElements", blank, place, codes, axis=1)
    n_kept = graph.add("Min", length, integers[most])
    n_kept = graph.add("Max", n_kept, integers[fewest])
    start = graph.add("Sub", places, n_kept)
    return graph.add("Slice", moved, start, places, integers[1])

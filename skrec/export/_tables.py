"""The inputs of a graph that are columns of a table, to codes and numbers."""

import numpy as np

from skrec.export._described import Described, Ids, filler_of
from skrec.export._graph import Graph
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._vocabulary import UNKNOWN

PADDING = 0
# Lists have at least so many steps, as some layers need more than none.
FEWEST_STEPS = 2


def table_inputs(graph: Graph, encoder: FieldEncoder, own: Described) -> dict[str, str]:
    """Make codes and numbers of the inputs of a table.

    Parameters
    ----------
    graph : Graph
        Which has the inputs.
    encoder : FieldEncoder
        Fitted.
    own : Described
        The columns.

    Returns
    -------
    dict of str to str
        ``"ids"``, ``"numbers"``, ``"sequence_0"``, ... ``"array_0"``, ...: not scaled.
    """
    names = [column.name for column in own.columns]
    read = list(zip(encoder.columns_.values(), names, strict=True))
    fields = {}
    numbers = [name for field, name in read if field.kind == "number"]
    if numbers:
        fields["numbers"] = graph.side_by_side(numbers)
    for field, name in read:
        if field.kind == "array":
            fields[f"array_{field.position}"] = name
    codes: dict[tuple[str, int], str] = {}
    for t, ids in enumerate(own.ids):
        members = [(field, name) for field, name in read if field.table == t]
        found = look_up_all(graph, ids, [name for _, name in members], UNKNOWN)
        for (field, name), code in zip(members, found, strict=True):
            if field.kind == "sequence":
                code = _steps(graph, encoder, field.position, name, code, ids)
            codes[field.kind, field.position] = code
    n_ids = sum(kind == "id" for kind, _ in codes)
    if n_ids:
        fields["ids"] = graph.side_by_side([codes["id", k] for k in range(n_ids)])
    for (kind, position), code in codes.items():
        if kind == "sequence":
            fields[f"sequence_{position}"] = code
    return fields


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
    filler = filler_of(encoder._readings[position], ids.dtype)
    if filler is not None:
        nothing.append(filler)
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

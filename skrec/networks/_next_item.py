"""Networks over the items that a user had before: what comes next, at every step."""

from collections.abc import Callable
from typing import Any

import keras

from skrec.networks._items import ItemTable

ops = keras.ops
Encoder = Callable[[Any, Any], Any]


def next_item_model(
    name: str,
    encode: Encoder,
    *,
    n_rows: int,
    length: int,
    dim: int,
    n_items: float | None,
    loss: str,
    n_negatives: int,
    stddev: float | None,
    has_bias: bool,
    dtype: str,
    dim_of_states: int | None = None,
) -> keras.Model:
    """Put a table of items before and behind an encoder of sequences.

    Parameters
    ----------
    name : str
        Name of the model.
    encode : callable
        Given the layer that looks up vectors of items and the codes of a history, of
        shape (batch, length), returns states, of shape (batch, steps, dim): of each
        step in itself and those before.
    n_rows, length, dim : int
        Rows of the table, steps of a sequence, length of a vector.
    n_items, loss, n_negatives, stddev, has_bias
        See :class:`~skrec.networks._items.ItemTable`.
    dtype : str
        Keras dtype policy of the layers.
    dim_of_states : int, default=None
        Length of the states, which are then compared with vectors of another table than
        those that are read. None where one table does both.

    Returns
    -------
    keras.Model
        From ``history``, ``target`` and ``weight``, each of shape (batch, length), to
        the loss and the last state, side by side.
    """
    inputs = {
        "history": keras.Input((length,), dtype="int32", name="history"),
        "target": keras.Input((None,), dtype="int32", name="target"),
        "weight": keras.Input((None,), dtype=floats_of(dtype), name="weight"),
    }
    table = read = ItemTable(
        n_rows,
        dim if dim_of_states is None else dim_of_states,
        n_items=n_items,
        loss=loss,
        n_negatives=n_negatives,
        has_bias=has_bias,
        stddev=stddev,
        dtype=dtype,
        name="items",
    )
    if dim_of_states is not None:
        read = ItemTable(n_rows, dim, stddev=stddev, dtype=dtype, name="read_items")
    history = inputs["history"]
    states = encode(read, history)
    found = table(states, inputs["target"], inputs["weight"])
    last = ops.cast(states[:, -1], found.dtype)
    outputs = ops.concatenate([found, last], axis=1)
    return keras.Model(inputs, outputs, name=name)


def floats_of(dtype: str) -> str:
    """Return the dtype of weights and losses under a policy.

    Parameters
    ----------
    dtype : str
        Keras dtype policy.

    Returns
    -------
    str
        ``"float32"`` or ``"float64"``.
    """
    return "float64" if dtype == "float64" else "float32"

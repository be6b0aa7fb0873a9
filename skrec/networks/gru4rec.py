"""A recurrent network over the items that a user had before."""

from typing import Any

import keras

from skrec._docs import with_fitted_docs
from skrec.networks._blocks import penalty
from skrec.networks._next_item import next_item_model
from skrec.networks._steps import ByLength, FromGroups, Pack, Unpack

ops = keras.ops


@with_fitted_docs
def build_gru4rec(
    *,
    n_rows: int,
    length: int,
    embedding_dim: int = 64,
    units: tuple[int, ...] = (64,),
    cell: str = "gru",
    loss: str = "softmax",
    n_negatives: int = 256,
    dtype: str = "float32",
    n_items: float | None = None,
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Build recurrent layers over the vectors of items.

    The state after each step is compared with the vectors of items again [1]_.

    Parameters
    ----------
    n_rows, length : int
        Rows of the table of items, and steps of a sequence.
    embedding_dim : int, default=64
        Length of the vectors of items, which the states are compared with too.
    units : tuple of int, default=(64,)
        Width of each recurrent layer.
    cell : {"gru", "lstm"}, default="gru"
        Kind of the layers.
    %(next_item)s
    dropout : float, default=0.0
        Fraction of the vectors, and of the states of each layer, to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.

    Returns
    -------
    keras.Model
        See :func:`~skrec.networks._next_item.next_item_model`.

    References
    ----------
    .. [1] B. Hidasi, A. Karatzoglou, L. Baltrunas and D. Tikk, "Session-based
       recommendations with recurrent neural networks", ICLR 2016.

    Examples
    --------
    >>> from skrec.networks import build_gru4rec
    >>> build_gru4rec(n_rows=16, length=4, embedding_dim=8).output_shape
    (None, 9)
    """
    layer = keras.layers.GRU if cell == "gru" else keras.layers.LSTM

    def drop(x: Any) -> Any:
        return keras.layers.Dropout(dropout, dtype=dtype)(x)

    def encode(read: Any, history: Any) -> Any:
        # Neither cuDNN's loops nor those of ONNX take no row.
        groups = ByLength(length, has_spare_row=True, dtype=dtype)(history)
        *groups, back = groups
        x = read(Pack(dtype=dtype)(history, history))
        # Vectors that are short enough to compare states with are little to read.
        x = drop(x * embedding_dim**0.5)
        for n_units in units:
            recurrent = layer(
                n_units,
                return_sequences=True,
                kernel_regularizer=penalty(l1, l2),
                dtype=dtype,
            )
            steps = [recurrent(ops.take(x, places, axis=0)) for places in groups]
            x = drop(FromGroups(dtype=dtype)(steps, back))
        state = keras.layers.Dense(
            embedding_dim, kernel_regularizer=penalty(l1, l2), dtype=dtype, name="state"
        )
        return Unpack(dtype=dtype)(state(x), history)

    return next_item_model(
        "gru4rec",
        encode,
        n_rows=n_rows,
        length=length,
        dim=embedding_dim,
        n_items=n_items,
        loss=loss,
        n_negatives=n_negatives,
        stddev=None,
        has_bias=True,
        dtype=dtype,
    )

"""Convolutions over the last few items that a user had: of steps, and over them."""

from typing import Any

import keras

from skrec._docs import with_fitted_docs
from skrec.networks._blocks import penalty
from skrec.networks._next_item import next_item_model

ops = keras.ops


@with_fitted_docs
def build_caser(
    *,
    n_rows: int,
    length: int = 5,
    embedding_dim: int = 50,
    filters: int = 16,
    vertical_filters: int = 4,
    units: int = 50,
    activation: str = "relu",
    loss: str = "softmax",
    n_negatives: int = 256,
    dtype: str = "float32",
    n_items: float | None = None,
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Build the convolutional network of Caser, without vectors of users.

    The vectors of the last items, one below the other, are an image. Horizontal filters
    of each height, from one item to all, see what came in a row, and the largest answer
    of each is kept; vertical ones weigh the items. What both say goes through a dense
    layer, and is compared with vectors of items of a table of their own [1]_.

    Parameters
    ----------
    n_rows, length : int
        Rows of the tables of items, and items in the image.
    embedding_dim : int, default=50
        Length of the vectors in the image.
    filters, vertical_filters : int, default=16 and 4
        Horizontal filters of each height, and vertical ones.
    units : int, default=50
        Width of the dense layer.
    activation : str, default="relu"
        Activation of horizontal filters and the dense layer.
    %(next_item)s
    dropout : float, default=0.0
        Fraction of what the filters say to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.

    Returns
    -------
    keras.Model
        See :func:`~skrec.networks._next_item.next_item_model`; there is one target a
        row.

    References
    ----------
    .. [1] J. Tang and K. Wang, "Personalized top-N sequential recommendation via
       convolutional sequence embedding", WSDM 2018.

    Examples
    --------
    >>> from skrec.networks import build_caser
    >>> build_caser(n_rows=16, length=4, units=8).output_shape
    (None, 9)
    """

    def encode(read: Any, history: Any) -> Any:
        x = read(history)
        answers = []
        for height in range(1, length + 1):
            rows = keras.layers.Conv1D(
                filters,
                height,
                activation=activation,
                kernel_regularizer=penalty(l1, l2),
                dtype=dtype,
                name=f"horizontal_{height}",
            )(x)
            answers.append(ops.max(rows, axis=1))
        weighed = keras.layers.Dense(
            vertical_filters,
            use_bias=False,
            kernel_regularizer=penalty(l1, l2),
            dtype=dtype,
            name="vertical",
        )(ops.transpose(x, (0, 2, 1)))
        answers.append(ops.reshape(weighed, (-1, embedding_dim * vertical_filters)))
        said = keras.layers.Dropout(dropout, dtype=dtype)(
            ops.concatenate(answers, axis=1)
        )
        state = keras.layers.Dense(
            units,
            activation=activation,
            kernel_regularizer=penalty(l1, l2),
            dtype=dtype,
            name="state",
        )(said)
        return state[:, None]

    return next_item_model(
        "caser",
        encode,
        n_rows=n_rows,
        length=length,
        dim=embedding_dim,
        dim_of_states=units,
        n_items=n_items,
        loss=loss,
        n_negatives=n_negatives,
        stddev=None,
        has_bias=True,
        dtype=dtype,
    )

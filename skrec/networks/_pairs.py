"""What networks on pairs of a user and an item begin with."""

from typing import Any

import keras


def pair_inputs(n_negatives: int) -> dict[str, Any]:
    """Return inputs for codes of a user, an item, and items that were drawn.

    Parameters
    ----------
    n_negatives : int
        Number of items that were drawn.

    Returns
    -------
    dict of str to KerasTensor
        ``user``, ``item`` and ``negative``.
    """
    lengths = {"user": 1, "item": 1, "negative": n_negatives}
    return {
        name: keras.Input((length,), dtype="int32", name=name)
        for name, length in lengths.items()
    }


def vectors_of(
    name: str, n_rows: int, dim: int, dtype: str, initializer: Any = "glorot_normal"
) -> keras.layers.Embedding:
    """Make a table of vectors.

    Parameters
    ----------
    name : str
        Name of the layer.
    n_rows, dim : int
        Shape of the table.
    dtype : str
        Keras dtype policy of the layer.
    initializer : str or Keras initializer, default="glorot_normal"
        Of the vectors.

    Returns
    -------
    keras.layers.Embedding
        From codes to vectors.
    """
    return keras.layers.Embedding(
        n_rows, dim, embeddings_initializer=initializer, dtype=dtype, name=name
    )

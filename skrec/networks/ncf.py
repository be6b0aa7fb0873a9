"""Neural collaborative filtering: a user's items against others that were drawn."""

import keras

from skrec.networks._blocks import dense_tower, penalty
from skrec.networks._next_item import floats_of
from skrec.networks._pairs import pair_inputs, vectors_of

ops = keras.ops


def build_ncf(
    *,
    n_rows: int,
    n_user_rows: int,
    num_factors: int = 8,
    units: tuple[int, ...] = (64, 32, 16, 8),
    n_negatives: int = 4,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Build NeuMF for ranking, with the loss of its paper.

    Each table holds two vectors of an id, side by side: the first `num_factors` numbers
    are multiplied, the others enter the tower [1]_.

    Parameters
    ----------
    n_rows, n_user_rows : int
        Rows of the tables of items and of users.
    num_factors : int, default=8
        Length of the vectors that are multiplied.
    units : tuple of int, default=(64, 32, 16, 8)
        Width of the tower's layers; the vectors that enter it have half the first each.
    n_negatives : int, default=4
        Items of each row that the user has not had.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each layer of the tower to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.

    Returns
    -------
    keras.Model
        From codes ``user`` and ``item``, of shape (batch, 1), and ``negative``, of
        shape (batch, n_negatives), to the binary cross-entropy, of shape (batch, 1).

    References
    ----------
    .. [1] X. He, L. Liao, H. Zhang, L. Nie, X. Hu and T.-S. Chua, "Neural
       collaborative filtering", WWW 2017.

    Examples
    --------
    >>> from skrec.networks import build_ncf
    >>> model = build_ncf(n_rows=16, n_user_rows=8, num_factors=4, units=(8, 4))
    >>> model.count_params()
    309
    """
    inputs = pair_inputs(n_negatives)
    codes = ops.concatenate([inputs["item"], inputs["negative"]], axis=1)
    dim = num_factors + max(units[0] // 2, 1)
    normal = keras.initializers.RandomNormal(stddev=0.01)
    user = vectors_of("users", n_user_rows, dim, dtype, normal)(inputs["user"])
    items = vectors_of("items", n_rows, dim, dtype, normal)(codes)
    users = ops.repeat(user, 1 + n_negatives, axis=1)
    product = users[..., :num_factors] * items[..., :num_factors]
    join = keras.layers.Concatenate(dtype=dtype)
    x = join([users[..., num_factors:], items[..., num_factors:]])
    x = dense_tower(x, units, "relu", False, dropout, l1, l2, dtype)
    last = keras.layers.Dense(
        1, kernel_regularizer=penalty(l1, l2), dtype=dtype, name="score"
    )
    x = keras.layers.Concatenate(dtype=dtype)([product, x])
    scores = ops.cast(last(x)[..., 0], floats_of(dtype))
    signs = ops.convert_to_tensor([-1.0] + [1.0] * n_negatives, floats_of(dtype))
    loss = ops.mean(ops.softplus(scores * signs), axis=1, keepdims=True)
    return keras.Model(inputs, loss, name="ncf")

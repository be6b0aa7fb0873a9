"""Matrix factorisation that ranks: a user's items above others."""

from typing import Any

import keras
import tensorflow as tf

from skrec.networks._next_item import floats_of
from skrec.networks._pairs import pair_inputs, vectors_of

ops = keras.ops


@keras.saving.register_keras_serializable("skrec")
class PairwiseLoss(keras.layers.Layer):
    """The loss of a user's item that is to be above others, a value a row.

    Parameters
    ----------
    vector_l2 : float, default=0.0
        Penalty on the squares of the vectors of a row: those of the user, the item and,
        on average, the others. A compiled program takes it as an input.
    **kwargs : dict
        Arguments of the base class.
    """

    def __init__(self, vector_l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tuned = {"vector_l2": tf.Variable(vector_l2, False, dtype="float64")}

    def call(self, user: Any, items: Any, bias: Any, training: bool = False) -> Any:
        """Compute the loss.

        Parameters
        ----------
        user : tensor of shape (batch, dim)
            Vectors of users.
        items : tensor of shape (batch, 1 + n_negatives, dim)
            Vectors of items: the user's own, then the others.
        bias : tensor of shape (batch, 1 + n_negatives)
            What is added to the scores of items.
        training : bool, default=False
            Whether the penalty belongs to it.

        Returns
        -------
        tensor of shape (batch, 1)
            Loss.
        """
        user, items, bias = (
            tf.cast(one, self.variable_dtype) for one in (user, items, bias)
        )
        scores = tf.einsum("bd,bnd->bn", user, items) + bias
        loss = tf.reduce_mean(tf.nn.softplus(scores[:, 1:] - scores[:, :1]), axis=1)
        if training:
            squares = tf.reduce_sum(tf.square(items), axis=2)
            others = tf.reduce_mean(squares[:, 1:], axis=1)
            size = tf.reduce_sum(tf.square(user), axis=1) + squares[:, 0] + others
            loss += tf.cast(self.tuned["vector_l2"], loss.dtype) * size
        return loss[:, None]

    def compute_output_spec(
        self, user: Any, *args: Any, **kwargs: Any
    ) -> keras.KerasTensor:
        """Return the shape of the loss."""
        return keras.KerasTensor((user.shape[0], 1), self.variable_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made of."""
        own = {"vector_l2": float(self.tuned["vector_l2"].numpy())}
        return {**super().get_config(), **own}


def build_bpr(
    *,
    n_rows: int,
    n_user_rows: int,
    embedding_dim: int = 64,
    n_negatives: int = 1,
    dtype: str = "float32",
    vector_l2: float = 0.0,
) -> keras.Model:
    """Build matrix factorisation with a pairwise loss.

    The score of an item that a user had is to be above that of one that they had not
    [1]_.

    Parameters
    ----------
    n_rows, n_user_rows : int
        Rows of the tables of items and of users.
    embedding_dim : int, default=64
        Length of the vectors.
    n_negatives : int, default=1
        Items that each row compares its item with.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    vector_l2 : float, default=0.0
        Penalty on the squares of the vectors of each row.

    Returns
    -------
    keras.Model
        From codes ``user`` and ``item``, of shape (batch, 1), and ``negative``, of
        shape (batch, n_negatives), to the loss, of shape (batch, 1).

    References
    ----------
    .. [1] S. Rendle, C. Freudenthaler, Z. Gantner and L. Schmidt-Thieme, "BPR: Bayesian
       personalized ranking from implicit feedback", UAI 2009.

    Examples
    --------
    >>> from skrec.networks import build_bpr
    >>> build_bpr(n_rows=16, n_user_rows=8, embedding_dim=4).count_params()
    112
    """
    inputs = pair_inputs(n_negatives)
    codes = ops.concatenate([inputs["item"], inputs["negative"]], axis=1)
    user = vectors_of("users", n_user_rows, embedding_dim, dtype)(inputs["user"])[:, 0]
    items = vectors_of("items", n_rows, embedding_dim, dtype)(codes)
    bias = vectors_of("item_bias", n_rows, 1, dtype, "zeros")(codes)[..., 0]
    loss = PairwiseLoss(vector_l2, dtype=floats_of(dtype), name="loss")
    return keras.Model(inputs, loss(user, items, bias), name="bpr")

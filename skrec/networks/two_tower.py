"""Two towers: one for what is known of a user, one for what is known of an item."""

from typing import Any

import keras
import tensorflow as tf

from skrec.networks._blocks import dense_tower, penalty
from skrec.networks._fields import embed, field_inputs, flat_fields
from skrec.networks._next_item import floats_of
from skrec.networks._pairs import vectors_of
from skrec.networks._unknown import with_unknown
from skrec.preprocessing._spec import FieldSpec

ops = keras.ops
NO_FIELDS = FieldSpec()


@keras.saving.register_keras_serializable("skrec")
class InBatchSoftmax(keras.layers.Layer):
    """The loss of a user's item among the items of the batch, a value a row.

    Items stand in batches as often as they are popular, for which their scores are
    corrected; a further row of the same item is not compared with.

    Parameters
    ----------
    temperature : float, default=0.05
        What scores are divided by. A compiled program takes it as an input.
    **kwargs : dict
        Arguments of the base class.
    """

    def __init__(self, temperature: float = 0.05, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tuned = {"temperature": tf.Variable(temperature, False, dtype="float64")}

    def call(self, users: Any, items: Any, codes: Any, share: Any) -> Any:
        """Compute the loss.

        Parameters
        ----------
        users, items : tensor of shape (batch, dim)
            Vectors.
        codes : tensor of int of shape (batch, 1)
            Which items these are.
        share : tensor of shape (batch, 1)
            Their shares of all events; 0 for a row that is no event, which costs
            nothing.

        Returns
        -------
        tensor of shape (batch, 1)
            Loss.
        """
        n_rows, places = tf.shape(share)[0], tf.where(share[:, 0] > 0)
        users, items, codes, share = (
            tf.gather_nd(one, places) for one in (users, items, codes, share)
        )
        scores = tf.matmul(users, items, transpose_b=True)
        scores /= tf.cast(self.tuned["temperature"], scores.dtype)
        scores -= tf.math.log(share)[:, 0]
        own = tf.linalg.diag_part(scores)
        again = tf.equal(codes, codes[:, 0])
        again = tf.linalg.set_diag(again, tf.zeros_like(codes[:, 0], tf.bool))
        scores = tf.where(again, scores.dtype.min, scores)
        loss = tf.reduce_logsumexp(scores, axis=1) - own
        return tf.scatter_nd(tf.cast(places, tf.int32), loss, n_rows[None])[:, None]

    def compute_output_spec(self, users: Any, *args: Any) -> keras.KerasTensor:
        """Return the shape of the loss."""
        return keras.KerasTensor((users.shape[0], 1), self.variable_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made of."""
        own = {"temperature": float(self.tuned["temperature"].numpy())}
        return {**super().get_config(), **own}


def build_two_tower(
    *,
    n_rows: int,
    n_user_rows: int,
    user_fields: FieldSpec = NO_FIELDS,
    item_fields: FieldSpec = NO_FIELDS,
    embedding_dim: int = 32,
    units: tuple[int, ...] = (64, 32),
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    temperature: float = 0.05,
    unknown_share: float = 0.0,
) -> keras.Model:
    """Build a tower for users and one for items, whose outputs are multiplied.

    The item of each row is told from those of the other rows [1]_.

    Parameters
    ----------
    n_rows, n_user_rows : int
        Rows of the tables of items and of users, with those for padding and unknown.
    user_fields, item_fields : FieldSpec
        Sizes of the features of users and of items.
    embedding_dim : int, default=32
        Length of the vectors of ids.
    units : tuple of int, default=(64, 32)
        Width of the layers of each tower. The last has no activation, and its output is
        scaled to length 1.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each hidden layer to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.
    temperature : float, default=0.05
        What scores are divided by in the loss.
    unknown_share : float, default=0.0
        Share of the ids with features that are read as unknown in training.

    Returns
    -------
    keras.Model
        From ``user``, ``item``, ``share`` and the features, with ``user_`` and
        ``item_`` before their names, to the loss, the vector of the user and that of
        the item, side by side.

    References
    ----------
    .. [1] X. Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
       recommendations", RecSys 2019.

    Examples
    --------
    >>> from skrec.networks import build_two_tower
    >>> build_two_tower(n_rows=16, n_user_rows=8, units=(8, 4)).output_shape
    (None, 9)
    """
    number = floats_of(dtype)
    inputs = {
        "user": keras.Input((1,), dtype="int32", name="user"),
        "item": keras.Input((1,), dtype="int32", name="item"),
        "share": keras.Input((1,), dtype=number, name="share"),
    }
    sides = {"user": (user_fields, n_user_rows), "item": (item_fields, n_rows)}
    described = [side for side, (fields, _) in sides.items() if fields != NO_FIELDS]
    read = _read(inputs, described, unknown_share)
    vectors = []
    for side, (fields, rows) in sides.items():
        table = vectors_of(f"{side}s", rows, embedding_dim, dtype)
        parts = [table(read[side])[:, 0]]
        if side in described:
            own = field_inputs(fields, dtype, prefix=f"{side}_")
            inputs |= {f"{side}_{name}": one for name, one in own.items()}
            features = embed(own, fields, embedding_dim, dtype, name=f"{side}_features")
            parts.append(flat_fields(own, fields, features, dtype))
        x = parts[0]
        if len(parts) > 1:
            x = keras.layers.Concatenate(dtype=dtype)(parts)
        x = dense_tower(x, units[:-1], "relu", False, dropout, l1, l2, dtype)
        x = keras.layers.Dense(
            units[-1],
            kernel_regularizer=penalty(l1, l2),
            dtype=dtype,
            name=f"{side}_vector",
        )(x)
        vectors.append(ops.normalize(ops.cast(x, number), axis=1))
    loss = InBatchSoftmax(temperature, dtype=number, name="loss")
    found = loss(*vectors, inputs["item"], inputs["share"])
    outputs = ops.concatenate([found, *vectors], axis=1)
    return keras.Model(inputs, outputs, name="two_tower")


def _read(inputs: dict[str, Any], sides: list[str], share: float) -> dict[str, Any]:
    """Read some ids as unknown in training, of sides that have features to go by."""
    if not sides:
        return inputs
    codes = ops.concatenate([inputs[side] for side in sides], axis=1)
    fields = FieldSpec(ids=tuple(range(len(sides))))
    codes = with_unknown({"ids": codes}, fields, True, share)["ids"]
    return inputs | {side: codes[:, k : k + 1] for k, side in enumerate(sides)}

"""Self-attention over the items that a user had before (SASRec, BSARec)."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec._docs import with_fitted_docs
from skrec.networks._next_item import next_item_model

ops = keras.ops
PADDING = -1  # the code of no item


@keras.saving.register_keras_serializable("skrec")
class Pack(keras.layers.Layer):
    """Keeps the steps that are there, one below the other: padding costs nothing.

    One step of padding comes last, since TensorFlow adds no bias to none.
    """

    def call(self, x: Any, history: Any) -> Any:
        """Return values of steps, of shape (n_steps + 1, ...)."""
        packed = tf.gather_nd(x, tf.where(history >= 0))
        nothing = tf.fill([1, *x.shape[2:]], tf.constant(PADDING, packed.dtype))
        return tf.concat([packed, nothing], axis=0)

    def compute_output_spec(self, x: Any, history: Any) -> keras.KerasTensor:
        """Return their shape."""
        return keras.KerasTensor((None, *x.shape[2:]), x.dtype)


@keras.saving.register_keras_serializable("skrec")
class Unpack(keras.layers.Layer):
    """Puts steps back in their places, with zeros for padding."""

    def call(self, x: Any, history: Any) -> Any:
        """Return values of shape (batch, length, ...)."""
        shape = tf.concat([tf.shape(history), tf.shape(x)[1:]], axis=0)
        places = tf.cast(tf.where(history >= 0), tf.int32)
        return tf.scatter_nd(places, x[:-1], shape)

    def compute_output_spec(self, x: Any, history: Any) -> keras.KerasTensor:
        """Return their shape."""
        return keras.KerasTensor((*history.shape, *x.shape[1:]), x.dtype)


@keras.saving.register_keras_serializable("skrec")
class Positions(keras.layers.Layer):
    """Adds a trained vector to each step: one for how many steps ago it was.

    Parameters
    ----------
    length : int
        Number of steps.
    **kwargs : dict
        Arguments of the base class.
    """

    def __init__(self, length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.length = length
        self.positions_initializer = keras.initializers.GlorotNormal()

    def build(self, shape: Any, *shapes: Any) -> None:
        """Make the vectors."""
        self.positions = self.add_weight(
            shape=(self.length, shape[-1]),
            initializer=self.positions_initializer,
            name="positions",
        )

    def call(self, x: Any, history: Any) -> Any:
        """Add them to packed steps."""
        step = tf.pad(tf.where(history >= 0)[:, 1], [[0, 1]])
        return x + tf.cast(tf.gather(self.positions.value, step), x.dtype)

    def compute_output_spec(self, x: Any, history: Any) -> keras.KerasTensor:
        """Return the same shape."""
        return keras.KerasTensor(x.shape, x.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made of."""
        return {**super().get_config(), "length": self.length}


@with_fitted_docs
def build_sasrec(
    *,
    n_rows: int,
    length: int,
    units: int = 64,
    num_blocks: int = 2,
    num_heads: int = 1,
    alpha: float = 0.0,
    cutoff: int = 5,
    loss: str = "softmax",
    n_negatives: int = 256,
    dtype: str = "float32",
    n_items: float | None = None,
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    r"""Build self-attention over the items that came before [1]_.

    Parameters
    ----------
    n_rows, length : int
        Rows of the table of items, and steps of a sequence.
    units : int, default=64
        Length of the vectors of items, and width of the blocks.
    num_blocks, num_heads : int, default=2 and 1
        Blocks of attention and two dense layers, and heads of attention in each.
    alpha : float, default=0.0
        Share of a filter of frequencies in each block, beside attention [2]_; the
        ``cutoff`` lowest pass as they are, the others are scaled by what is trained.
    cutoff : int, default=5
        Number of low frequencies.
    %(next_item)s
    dropout : float, default=0.0
        Fraction dropped in training: of vectors, attention and dense layers.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.

    Returns
    -------
    keras.Model
        See :func:`next_item_model`.

    References
    ----------
    .. [1] W.-C. Kang and J. McAuley, "Self-attentive sequential recommendation", ICDM
       2018.
    .. [2] Y. Shin, J. Choi, H. Wi and N. Park, "An attentive inductive bias for
       sequential recommendation beyond the self-attention", AAAI 2024.

    Examples
    --------
    >>> from skrec.networks import build_sasrec
    >>> build_sasrec(n_rows=16, length=4, units=8).output_shape
    (None, 9)
    """
    penalty = keras.regularizers.L1L2(l1, l2) if l1 or l2 else None

    def dense(width: int, name: str, activation: str | None = None) -> Any:
        return keras.layers.Dense(
            width,
            activation,
            kernel_initializer="glorot_normal",
            kernel_regularizer=penalty,
            dtype=dtype,
            name=name,
        )

    def drop(x: Any) -> Any:
        return keras.layers.Dropout(dropout, dtype=dtype)(x)

    def norm(x: Any) -> Any:
        return keras.layers.LayerNormalization(epsilon=1e-8, dtype=dtype)(x)

    def attention(x: Any, y: Any, history: Any, reads: Any, k: int) -> Any:
        """Let each step of x take up what steps of y say, itself and before."""
        head = units // num_heads

        def heads(x: Any, name: str) -> Any:
            steps = Unpack(dtype=dtype)(dense(units, f"{name}_{k}")(x), history)
            steps = ops.reshape(steps, (-1, length, num_heads, head))
            return ops.transpose(steps, (0, 2, 1, 3))

        said = heads(y, "value")
        if length > 1:  # a step that is alone has nothing to choose from
            query, key = heads(x, "query"), heads(y, "key")
            scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / head**0.5
            shares = drop(ops.softmax(ops.where(reads, scores, -1e4)))
            said = ops.matmul(shares, said)
        said = ops.transpose(said, (0, 2, 1, 3))
        said = Pack(dtype=dtype)(ops.reshape(said, (-1, length, units)), history)
        return dense(units, f"said_{k}")(said)

    def encode(read: Any, history: Any) -> Any:
        before = ops.convert_to_tensor(np.tri(length, dtype=bool))
        reads = ops.logical_and(before, history[:, None, None, :] >= 0)
        codes = Pack(dtype=dtype)(history, history)
        x = read(codes) * units**0.5
        x = drop(Positions(length, dtype=dtype, name="positions")(x, history))
        for k in range(num_blocks):
            normed = norm(x)
            mixed = attention(normed, x, history, reads, k)
            if alpha:
                steps = Unpack(dtype=dtype)(x, history)
                layer = FrequencyFilter(cutoff, dtype=dtype, name=f"filter_{k}")
                filtered = Pack(dtype=dtype)(layer(steps), history)
                mixed = alpha * drop(filtered) + (1 - alpha) * mixed
            normed = norm(normed + mixed)
            hidden = drop(dense(units, f"inner_{k}", "relu")(normed))
            x = normed + drop(dense(units, f"outer_{k}")(hidden))
        return Unpack(dtype=dtype)(norm(x), history)

    return next_item_model(
        "sasrec",
        encode,
        n_rows=n_rows,
        length=length,
        dim=units,
        n_items=n_items,
        loss=loss,
        n_negatives=n_negatives,
        stddev=None,
        has_bias=False,
        dtype=dtype,
    )


@keras.saving.register_keras_serializable("skrec")
class FrequencyFilter(keras.layers.Layer):
    """Splits sequences into slow and fast waves, and scales the fast ones.

    Parameters
    ----------
    cutoff : int
        Number of low frequencies, that of the mean among them.
    **kwargs : dict
        Arguments of the base class.
    """

    def __init__(self, cutoff: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cutoff = cutoff
        self.scale_initializer = keras.initializers.RandomNormal(stddev=1.0)

    def build(self, shape: Any) -> None:
        """Make the scale, and the projection on the slow waves."""
        length = shape[1]
        waves = np.fft.rfft(np.eye(length), axis=0)
        waves[self.cutoff :] = 0
        self.slow = np.fft.irfft(waves, n=length, axis=0)
        self.scale = self.add_weight(
            shape=(1, 1, shape[-1]), initializer=self.scale_initializer, name="scale"
        )

    def call(self, x: Any) -> Any:
        """Filter."""
        slow = ops.einsum("ml,bld->bmd", ops.cast(self.slow, x.dtype), x)
        return slow + ops.square(ops.cast(self.scale, x.dtype)) * (x - slow)

    def compute_output_shape(self, shape: Any) -> Any:
        """Return the same shape."""
        return shape

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made of."""
        return {**super().get_config(), "cutoff": self.cutoff}

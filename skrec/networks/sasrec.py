"""Self-attention over the items that a user had before (SASRec, BSARec)."""

from typing import Any

import keras
import numpy as np

from skrec._docs import with_fitted_docs
from skrec.networks._attention import attention_name
from skrec.networks._next_item import next_item_model
from skrec.networks._steps import ByLength, FromGroups, Pack, Positions, Unpack

ops = keras.ops


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
    r"""Build self-attention over the items that came before.

    Each step looks back at those before it, in several blocks [1]_.

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
        ``cutoff`` lowest pass as they are, the others are scaled by what is trained. It
        reads all steps at once: there is then one target a row, after the last.
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

    def drop(x: Any, name: str | None = None) -> Any:
        return keras.layers.Dropout(dropout, dtype=dtype, name=name)(x)

    def norm(x: Any) -> Any:
        return keras.layers.LayerNormalization(epsilon=1e-8, dtype=dtype)(x)

    def attend(steps: Any, places: Any, k: int) -> Any:
        """Let steps of some sequences, one in a row, take up what came before."""
        size, head = places.shape[1], units // num_heads
        steps = ops.reshape(
            ops.take(steps, places, axis=0), (-1, size, 3, num_heads, head)
        )
        query, key, value = ops.unstack(ops.transpose(steps, (2, 0, 3, 1, 4)), 3)
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / head**0.5
        before = np.tri(size, dtype=bool)  # padding comes behind all that is there
        shares = ops.softmax(ops.where(before, scores, -1e4))
        shares = drop(shares, attention_name(k, size))
        said = ops.transpose(ops.matmul(shares, value), (0, 2, 1, 3))
        return ops.reshape(said, (-1, size, units))

    def attention(x: Any, y: Any, groups: Any, k: int) -> Any:
        """Let each step of x take up what steps of y say, itself and before."""
        said = dense(units, f"value_{k}")(y)
        if length > 1:  # a step that is alone has nothing to choose from
            query, key = dense(units, f"query_{k}")(x), dense(units, f"key_{k}")(y)
            steps = ops.concatenate([query, key, said], axis=-1)
            *groups, back = groups
            attended = [attend(steps, places, k) for places in groups]
            said = FromGroups(dtype=dtype)(attended, back)
        return dense(units, f"said_{k}")(said)

    def encode(read: Any, history: Any) -> Any:
        groups = ByLength(length, dtype=dtype)(history)
        codes = Pack(dtype=dtype)(history, history)
        x = read(codes) * units**0.5
        x = drop(Positions(length, dtype=dtype, name="positions")(x, history))
        for k in range(num_blocks):
            normed = norm(x)
            mixed = attention(normed, x, groups, k)
            if alpha:
                steps = Unpack(dtype=dtype)(x, history)
                layer = FrequencyFilter(cutoff, dtype=dtype, name=f"filter_{k}")
                filtered = Pack(dtype=dtype)(layer(steps), history)
                mixed = alpha * drop(filtered) + (1 - alpha) * mixed
            normed = norm(normed + mixed)
            hidden = drop(dense(units, f"inner_{k}", "relu")(normed))
            x = normed + drop(dense(units, f"outer_{k}")(hidden))
        states = Unpack(dtype=dtype)(norm(x), history)
        # A wave runs through all steps: those before the last know what comes next.
        return states[:, -1:] if alpha else states

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

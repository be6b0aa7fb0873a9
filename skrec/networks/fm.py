"""Factorisation machines over fields, alone and beside a tower of dense layers."""

from dataclasses import replace
from typing import Any

import keras

from skrec.networks._blocks import dense_tower, logits_layer, penalty
from skrec.networks._fields import (
    embed,
    field_inputs,
    field_model,
    field_vectors,
    first_order,
    join,
    periodic_numbers,
)
from skrec.networks._unknown import with_unknown
from skrec.preprocessing._spec import FieldSpec

ops = keras.ops


@keras.saving.register_keras_serializable("skrec")
class NumberFactors(keras.layers.Layer):
    """Sums over numbers of their vectors, and of the squares of these.

    The vector of a number is its value times a row of the kernel. The vectors
    themselves, (batch, n_numbers, dim), are never made: with thousands of columns, as
    from a sparse matrix, they would not fit into memory.

    Parameters
    ----------
    dim : int
        Length of the vectors.
    kernel_regularizer : Keras regularizer, default=None
        Penalty on the kernel.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``.
    """

    def __init__(self, dim: int, kernel_regularizer: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.kernel_initializer = keras.initializers.RandomNormal(stddev=0.01)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the kernel: a vector for each number."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.dim),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )

    def call(self, numbers: Any) -> tuple[Any, Any]:
        """Return the two sums, each (batch, dim)."""
        kernel = ops.convert_to_tensor(self.kernel)
        squares = ops.matmul(ops.square(numbers), ops.square(kernel))
        return ops.matmul(numbers, kernel), squares

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        regularizer = keras.regularizers.serialize(self.kernel_regularizer)
        own = {"dim": self.dim, "kernel_regularizer": regularizer}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("skrec")
class Bias(keras.layers.Layer):
    """Adds a constant to each logit, which no layer of Keras does by itself."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the constants."""
        shape = (input_shape[-1],)
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")

    def call(self, logits: Any) -> Any:
        """Return the logits with the constants added."""
        return logits + self.bias


def build_fm(
    *,
    fields: FieldSpec,
    n_outputs: int,
    embedding_dim: int = 10,
    reads_unknown: bool = False,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    embedding_l2: float = 0.0,
    unknown_share: float = 0.0,
) -> keras.Model:
    """Build a factorisation machine of second order.

    The logit is a bias, a weight for each field, and for each pair of fields the dot
    product of their vectors [1]_. With several outputs the weights are one an output;
    the vectors stay one a field, and each output weights the dimensions of
    ``sum(v_i * v_j)``, over all pairs, in its own way.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.
    n_outputs : int
        Number of logits, or of regression outputs.
    embedding_dim : int, default=10
        Length of the vectors.
    reads_unknown : bool, default=False
        Whether a share of the ids is read as unknown in training.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of the dimensions of the pooled pairs to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared weights of numbers, linear ones and
        vectors.
    embedding_l2 : float, default=0.0
        Penalty on the squares of the vectors of ids.
    unknown_share : float, default=0.0
        That share.

    Returns
    -------
    keras.Model
        Model from encoded rows to (samples, n_outputs). One that was saved loads
        where skrec was imported, since two of its layers are registered by it.

    See Also
    --------
    build_deepfm : The same with a tower of dense layers.

    References
    ----------
    .. [1] S. Rendle, "Factorization machines", ICDM 2010.

    Examples
    --------
    >>> from skrec.networks import build_fm
    >>> from skrec.preprocessing import FieldSpec
    >>> fields = FieldSpec(tables=(8,), ids=(0,), n_numbers=2)
    >>> build_fm(fields=fields, n_outputs=1, embedding_dim=4).count_params()
    51
    """
    inputs = field_inputs(fields, dtype)
    read = with_unknown(inputs, fields, reads_unknown, unknown_share)
    sums = []
    others = replace(fields, n_numbers=0)
    if not fields.only_numbers:
        embedded = embed(read, fields, embedding_dim, dtype, embedding_l2)
        vectors = field_vectors(read, others, embedded, embedding_dim, dtype, l1, l2)
        sums.append((ops.sum(vectors, axis=1), ops.sum(ops.square(vectors), axis=1)))
    if fields.n_numbers:
        factors = NumberFactors(embedding_dim, penalty(l1, l2), dtype=dtype)
        sums.append(factors(inputs["numbers"]))
    total, squares = (sum(part[1:], part[0]) for part in zip(*sums, strict=True))
    pooled = keras.layers.Dropout(dropout, dtype=dtype)(_pairs(total, squares))
    linear = first_order(read, fields, n_outputs, dtype, l1, l2)
    logits = linear + _interaction(pooled, n_outputs, l1, l2, dtype)
    full = keras.DTypePolicy(dtype).variable_dtype  # float32 under mixed precision
    return field_model(inputs, Bias(dtype=full, name="logits")(logits), "fm")


def build_deepfm(
    *,
    fields: FieldSpec,
    n_outputs: int,
    units: tuple[int, ...],
    embedding_dim: int = 10,
    activation: str = "relu",
    batch_norm: bool = False,
    reads_unknown: bool = False,
    periodic: bool = False,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    embedding_l2: float = 0.0,
    unknown_share: float = 0.0,
) -> keras.Model:
    """Build a factorisation machine beside a tower of dense layers.

    Both read the same vectors, one a field, and their logits are added [1]_.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.
    n_outputs : int
        Number of logits, or of regression outputs.
    units : tuple of int
        Width of each layer of the tower.
    embedding_dim : int, default=10
        Length of the vectors.
    activation : str, default="relu"
        Activation of the tower's layers.
    batch_norm : bool, default=False
        Whether to normalise each layer of the tower before its activation.
    reads_unknown : bool, default=False
        Whether a share of the ids is read as unknown in training.
    periodic : bool, default=False
        Whether the tower gets numbers with waves of them.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each tower layer's units to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.
    embedding_l2 : float, default=0.0
        Penalty on the squares of the vectors of ids.
    unknown_share : float, default=0.0
        That share.

    Returns
    -------
    keras.Model
        Model from encoded rows to (samples, n_outputs).

    See Also
    --------
    build_fm : The factorisation machine alone.

    References
    ----------
    .. [1] H. Guo, R. Tang, Y. Ye, Z. Li and X. He, "DeepFM: a factorization-machine
       based neural network for CTR prediction", IJCAI 2017.

    Examples
    --------
    >>> from skrec.networks import build_deepfm
    >>> from skrec.preprocessing import FieldSpec
    >>> fields = FieldSpec(tables=(8,), ids=(0,), n_numbers=2)
    >>> model = build_deepfm(fields=fields, n_outputs=1, units=(16,), embedding_dim=4)
    >>> model.count_params()
    275
    """
    inputs = field_inputs(fields, dtype)
    read = with_unknown(inputs, fields, reads_unknown, unknown_share)
    embedded = embed(read, fields, embedding_dim, dtype, embedding_l2)
    vectors = field_vectors(read, fields, embedded, embedding_dim, dtype, l1, l2)
    pooled = _pairs(ops.sum(vectors, axis=1), ops.sum(ops.square(vectors), axis=1))
    parts = [
        first_order(read, fields, n_outputs, dtype, l1, l2),
        _interaction(pooled, n_outputs, l1, l2, dtype),
    ]
    x = keras.layers.Flatten(dtype=dtype)(vectors)
    if periodic and fields.n_numbers:
        x = _with_waves(vectors, inputs["numbers"], fields, dtype, l1, l2)
    x = dense_tower(x, units, activation, batch_norm, dropout, l1, l2, dtype)
    parts.append(logits_layer(x, n_outputs, l1, l2, dtype, beside_linear=True))
    full = keras.DTypePolicy(dtype).variable_dtype  # float32 under mixed precision
    return field_model(inputs, keras.layers.Add(dtype=full)(parts), "deepfm")


def _with_waves(
    vectors: Any, numbers: Any, fields: FieldSpec, dtype: str, l1: float, l2: float
) -> Any:
    """Put waves beside the vectors of numbers, which come last, number by number.

    So what a stream adds, numbers alone, is added at the end of what the tower takes.
    """
    start = len(fields.ids) + len(fields.sequences)
    end = start + fields.n_numbers
    waves = periodic_numbers(numbers, dtype, l1, l2)
    both = keras.layers.Concatenate(dtype=dtype)([vectors[:, start:end], waves])
    others = [vectors[:, :start]] if start else []
    others += [vectors[:, end:]] if fields.arrays else []
    flat = [keras.layers.Flatten(dtype=dtype)(part) for part in [*others, both]]
    return join(flat, dtype)


def _pairs(total: Any, squares: Any) -> Any:
    """Sum the products of all pairs of vectors, from the sums of both."""
    return (ops.square(total) - squares) * 0.5


def _interaction(pooled: Any, n_outputs: int, l1: float, l2: float, dtype: str) -> Any:
    """Turn the pooled pairs into logits: their sum, or several weighted ones."""
    if n_outputs == 1:
        return ops.sum(pooled, axis=-1, keepdims=True)
    layer = keras.layers.Dense(
        n_outputs, use_bias=False, kernel_regularizer=penalty(l1, l2), dtype=dtype
    )
    return layer(pooled)

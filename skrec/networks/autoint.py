"""AutoInt: self-attention between the fields of a row."""

from typing import Any

import keras

from skrec.networks._blocks import logits_layer, penalty
from skrec.networks._fields import (
    embed,
    field_inputs,
    field_model,
    field_vectors,
    with_linear_part,
)
from skrec.networks._unknown import with_unknown
from skrec.preprocessing._spec import FieldSpec

ops = keras.ops


def build_autoint(
    *,
    fields: FieldSpec,
    n_outputs: int,
    attention_layers: int = 2,
    n_heads: int = 2,
    attention_dim: int = 32,
    embedding_dim: int = 16,
    linear: bool = True,
    reads_unknown: bool = False,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    embedding_l2: float = 0.0,
    unknown_share: float = 0.0,
) -> keras.Model:
    """Build layers of self-attention over one vector for each field.

    In each layer and each head a field's new vector is the sum of what all fields say,
    weighed by how much they have to do with it, added to what the field says itself
    [1]_. Products of fields of any degree come of that.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.
    n_outputs : int
        Number of logits, or of regression outputs.
    attention_layers : int, default=2
        Number of layers.
    n_heads : int, default=2
        Heads a layer.
    attention_dim : int, default=32
        Length of a layer's vectors, all heads together; a multiple of `n_heads`.
    embedding_dim : int, default=16
        Length of the vectors of fields.
    linear : bool, default=True
        Whether a linear model of all fields stands beside.
    reads_unknown : bool, default=False
        Whether a share of the ids is read as unknown in training.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each layer's outputs to drop in training.
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

    References
    ----------
    .. [1] W. Song et al., "AutoInt: automatic feature interaction learning via
       self-attentive neural networks", CIKM 2019.

    Examples
    --------
    >>> from skrec.networks import build_autoint
    >>> from skrec.preprocessing import FieldSpec
    >>> fields = FieldSpec(tables=(8,), ids=(0,), n_numbers=2)
    >>> model = build_autoint(fields=fields, n_outputs=1, attention_layers=1)
    >>> model.output_shape
    (None, 1)
    """
    inputs = field_inputs(fields, dtype)
    read = with_unknown(inputs, fields, reads_unknown, unknown_share)
    embedded = embed(read, fields, embedding_dim, dtype, embedding_l2)
    x = field_vectors(read, fields, embedded, embedding_dim, dtype, l1, l2)
    for k in range(attention_layers):
        x = _self_attention(x, n_heads, attention_dim, l1, l2, dtype, f"_{k}")
        x = keras.layers.Dropout(dropout, dtype=dtype)(x)
    flat = keras.layers.Flatten(dtype=dtype)(x)
    logits = logits_layer(flat, n_outputs, l1, l2, dtype, beside_linear=linear)
    if linear:
        logits = with_linear_part(logits, read, fields, dtype, l1, l2)
    return field_model(inputs, logits, "autoint")


def _self_attention(
    x: Any, n_heads: int, dim: int, l1: float, l2: float, dtype: str, number: str
) -> Any:
    """Let each field take up what others say, (batch, n_fields, dim)."""

    def projected(name: str) -> Any:
        layer = keras.layers.Dense(
            dim,
            use_bias=False,
            kernel_regularizer=penalty(l1, l2),
            dtype=dtype,
            name=name + number,
        )
        return layer(x)

    def heads(y: Any) -> Any:
        split = ops.reshape(y, (-1, y.shape[1], n_heads, dim // n_heads))
        return ops.transpose(split, (0, 2, 1, 3))

    said = heads(projected("value"))
    if x.shape[1] > 1:  # a field that is alone has nothing to choose from
        query, key = heads(projected("query")), heads(projected("key"))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        said = ops.matmul(ops.softmax(scores), said)
    said = ops.transpose(said, (0, 2, 1, 3))
    return ops.relu(ops.reshape(said, (-1, x.shape[1], dim)) + projected("itself"))

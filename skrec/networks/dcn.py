"""Deep & cross network, version 2: explicit products of features, layer by layer."""

from typing import Any

import keras
import keras_rs

from skrec.networks._blocks import dense_tower, logits_layer, near_zero, penalty
from skrec.networks._fields import (
    embed,
    field_inputs,
    field_model,
    flat_fields,
    join,
    with_linear_part,
)
from skrec.networks._sizes import embedding_dims
from skrec.networks._unknown import with_unknown
from skrec.preprocessing._spec import FieldSpec


def check_experts(n_experts: int, low_rank: int | None) -> None:
    """Refuse experts of full rank, which the architecture does not have.

    Parameters
    ----------
    n_experts : int
        Number of experts a cross layer.
    low_rank : int or None
        Rank of the matrices of a cross layer.

    Raises
    ------
    ValueError
        If there are several experts, and no rank.

    Examples
    --------
    >>> from skrec.networks import check_experts
    >>> check_experts(n_experts=4, low_rank=32)
    """
    if n_experts > 1 and low_rank is None:
        raise ValueError(
            f"n_experts={n_experts} mixes matrices of low rank: set low_rank to an "
            "integer in [1, inf), such as a quarter of the width of the embedded "
            f"fields, or n_experts=1. Received: low_rank={low_rank!r}."
        )


def build_dcn(
    *,
    fields: FieldSpec,
    n_outputs: int,
    units: tuple[int, ...],
    cross_layers: int = 2,
    low_rank: int | None = None,
    n_experts: int = 1,
    structure: str = "stacked",
    embedding_dim: int | str | tuple[int, ...] = 10,
    activation: str = "relu",
    batch_norm: bool = False,
    reads_unknown: bool = False,
    periodic: bool = False,
    linear: bool = False,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    embedding_l2: float = 0.0,
    unknown_share: float = 0.0,
) -> keras.Model:
    r"""Build a deep & cross network of version 2.

    Cross layer l turns the embedded fields ``x_0`` and its input ``x_l`` into
    ``x_0 * (W_l @ x_l + b_l) + x_l``, so that l layers hold products of up to
    l + 1 features [1]_. It starts near ``x_l``, with small weights: on few rows,
    random products are noise that the tower learns by heart.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.
    n_outputs : int
        Number of logits, or of regression outputs.
    units : tuple of int
        Width of each layer of the tower.
    cross_layers : int, default=2
        Number of cross layers.
    low_rank : int, default=None
        Rank of the matrices ``W_l = U_l @ V_l.T``; None for full matrices.
    n_experts : int, default=1
        Low-rank matrices a cross layer. More than one are mixed by a softmax over the
        layer's input, and each has a square matrix and two hyperbolic tangents between
        ``U_l`` and ``V_l``, as in equation 4 of [1]_.
    structure : {"stacked", "parallel"}, default="stacked"
        Whether the tower reads what the cross layers return, or stands beside them.
    embedding_dim : int, "auto" or tuple of int, default=10
        Length of the vectors, of all tables or of each; ``"auto"`` chooses it for each
        table from its rows.
    activation : str, default="relu"
        Activation of the tower's layers.
    batch_norm : bool, default=False
        Whether to normalise each layer of the tower before its activation.
    reads_unknown : bool, default=False
        Whether a share of the ids is read as unknown in training.
    periodic : bool, default=False
        Whether the network gets numbers with waves of them.
    linear : bool, default=False
        Whether a linear model of all fields stands beside it.
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
        Model from encoded rows to (samples, n_outputs). One that was saved loads
        where keras_rs was imported, unless it has several experts: without them a
        cross layer is ``keras_rs.layers.FeatureCross``.

    Raises
    ------
    ValueError
        If there are several experts, and no rank.

    References
    ----------
    .. [1] R. Wang et al., "DCN V2: improved deep & cross network and practical lessons
       for web-scale learning to rank systems", WWW 2021.

    Examples
    --------
    >>> from skrec.networks import build_dcn
    >>> from skrec.preprocessing import FieldSpec
    >>> fields = FieldSpec(tables=(8,), ids=(0,), n_numbers=2)
    >>> model = build_dcn(fields=fields, n_outputs=1, units=(16,), embedding_dim=4)
    >>> model.count_params()
    245
    """
    check_experts(n_experts, low_rank)
    inputs = field_inputs(fields, dtype)
    read = with_unknown(inputs, fields, reads_unknown, unknown_share)
    dims = embedding_dims(embedding_dim, fields)
    embedded = embed(read, fields, dims, dtype, embedding_l2)
    x0 = crossed = flat_fields(read, fields, embedded, dtype, periodic, l1, l2)
    for _ in range(cross_layers):
        if low_rank is not None and n_experts > 1:
            crossed = _mixed_cross(x0, crossed, low_rank, n_experts, l1, l2, dtype)
        else:
            crossed = keras_rs.layers.FeatureCross(
                low_rank,
                kernel_initializer=near_zero(),
                kernel_regularizer=penalty(l1, l2),
                dtype=dtype,
            )(x0, crossed)
    x = crossed if structure == "stacked" else x0
    x = dense_tower(x, units, activation, batch_norm, dropout, l1, l2, dtype)
    if structure == "parallel":
        x = join([crossed, x], dtype)
    logits = logits_layer(x, n_outputs, l1, l2, dtype, linear)
    if linear:
        logits = with_linear_part(logits, read, fields, dtype, l1, l2)
    return field_model(inputs, logits, "dcn")


def _mixed_cross(
    x0: Any, x: Any, rank: int, n_experts: int, l1: float, l2: float, dtype: str
) -> Any:
    """Cross by a mixture of experts, which ``FeatureCross`` does not have.

    The gates sum to 1, so they can weight the experts' few hidden units in place of
    their wide outputs: one product with all U side by side then gives the mixture, and
    the bias that the experts share stays as it is.
    """
    options: dict[str, Any] = {"kernel_regularizer": penalty(l1, l2), "dtype": dtype}
    layers, limit = keras.layers, (3 / rank) ** 0.5
    hidden = layers.Dense(n_experts * rank, "tanh", use_bias=False, **options)(x)
    hidden = layers.Reshape((n_experts, rank), dtype=dtype)(hidden)
    hidden = layers.EinsumDense(
        "bkr,krs->bks",
        (n_experts, rank),
        activation="tanh",
        # Glorot's distribution for each expert; for a kernel of three axes, Keras would
        # count the experts as inputs or outputs.
        kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
        **options,
    )(hidden)
    gates = layers.Dense(n_experts, "softmax", use_bias=False, **options)(x)
    gates = layers.Reshape((n_experts, 1), dtype=dtype)(gates)
    hidden = layers.Flatten(dtype=dtype)(hidden * gates)
    output = layers.Dense(x0.shape[-1], kernel_initializer=near_zero(), **options)
    return x0 * output(hidden) + x

"""Wide & Deep: a linear model beside a tower of dense layers over embeddings."""

import keras

from skrec.networks._blocks import dense_tower, logits_layer
from skrec.networks._fields import (
    embed,
    field_inputs,
    field_model,
    flat_fields,
    with_linear_part,
)
from skrec.networks._sizes import embedding_dims
from skrec.networks._unknown import with_unknown
from skrec.preprocessing._spec import FieldSpec


def build_wide_deep(
    *,
    fields: FieldSpec,
    n_outputs: int,
    units: tuple[int, ...],
    embedding_dim: int | str | tuple[int, ...] = 10,
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
    """Build a linear model of all fields beside a tower over their embeddings.

    Their logits are added, and both are trained together [1]_.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.
    n_outputs : int
        Number of logits, or of regression outputs.
    units : tuple of int
        Width of each layer of the tower.
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

    References
    ----------
    .. [1] H.-T. Cheng et al., "Wide & deep learning for recommender systems",
       DLRS 2016.

    Examples
    --------
    >>> from skrec.networks import build_wide_deep
    >>> from skrec.preprocessing import FieldSpec
    >>> fields = FieldSpec(tables=(8,), ids=(0,), n_numbers=2)
    >>> build_wide_deep(
    ...     fields=fields, n_outputs=1, units=(16,), embedding_dim=4
    ... ).count_params()
    171
    """
    inputs = field_inputs(fields, dtype)
    read = with_unknown(inputs, fields, reads_unknown, unknown_share)
    dims = embedding_dims(embedding_dim, fields)
    embedded = embed(read, fields, dims, dtype, embedding_l2)
    x = flat_fields(read, fields, embedded, dtype, periodic, l1, l2)
    x = dense_tower(x, units, activation, batch_norm, dropout, l1, l2, dtype)
    deep = logits_layer(x, n_outputs, l1, l2, dtype, beside_linear=True)
    logits = with_linear_part(deep, read, fields, dtype, l1, l2)
    return field_model(inputs, logits, "wide_deep")

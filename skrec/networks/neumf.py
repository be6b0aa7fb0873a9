"""Neural matrix factorisation: a user and an item, multiplied and through a tower."""

import keras

from skrec.networks._blocks import dense_tower, logits_layer
from skrec.networks._fields import (
    embed,
    field_inputs,
    field_model,
    join,
    with_linear_part,
)
from skrec.networks._unknown import with_unknown
from skrec.preprocessing._spec import FieldSpec


def build_neumf(
    *,
    fields: FieldSpec,
    n_outputs: int,
    structure: str = "neumf",
    num_factors: int = 8,
    units: tuple[int, ...] = (64, 32, 16, 8),
    activation: str = "relu",
    batch_norm: bool = False,
    reads_unknown: bool = False,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    embedding_l2: float = 0.0,
    unknown_share: float = 0.0,
) -> keras.Model:
    """Build generalised matrix factorisation, a tower on two vectors, or both.

    The vectors that are multiplied and those that enter the tower are trained apart. To
    each output a number for the user and one for the item are added, as in biased
    matrix factorisation [2]_.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields, two of which are ids: the user and the item. Whatever else
        there is has no effect on the output.
    n_outputs : int
        Number of logits, or of regression outputs.
    structure : {"neumf", "gmf", "mlp"}, default="neumf"
        Both parts, the product alone or the tower alone.
    num_factors : int, default=8
        Length of the vectors that are multiplied.
    units : tuple of int, default=(64, 32, 16, 8)
        Width of the tower's layers; the vectors that enter it have half the first each.
    activation : str, default="relu"
        Activation of the tower.
    batch_norm : bool, default=False
        Whether to normalise each layer of the tower before its activation.
    reads_unknown : bool, default=False
        Whether a share of the ids is read as unknown in training.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each layer of the tower to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.
    embedding_l2 : float, default=0.0
        Penalty on the squares of all vectors.
    unknown_share : float, default=0.0
        That share.

    Returns
    -------
    keras.Model
        Model from encoded rows to (samples, n_outputs).

    References
    ----------
    .. [1] X. He, L. Liao, H. Zhang, L. Nie, X. Hu and T.-S. Chua, "Neural
       collaborative filtering", WWW 2017.
    .. [2] Y. Koren, R. Bell and C. Volinsky, "Matrix factorization techniques for
       recommender systems", Computer 42(8), 2009.

    Examples
    --------
    >>> from skrec.networks import build_neumf
    >>> from skrec.preprocessing._spec import FieldSpec
    >>> fields = FieldSpec(tables=(100, 50), ids=(0, 1))
    >>> build_neumf(fields=fields, n_outputs=1, structure="gmf").count_params()
    1359
    """
    inputs = field_inputs(fields, dtype)
    read = with_unknown(inputs, fields, reads_unknown, unknown_share)
    pair = FieldSpec(tables=fields.tables, ids=fields.ids)
    parts = []
    if structure != "mlp":
        factors = embed(read, pair, num_factors, dtype, embedding_l2, "gmf")
        parts.append(keras.layers.Multiply(dtype=dtype)(factors.ids))
    if structure != "gmf":
        dim = max(units[0] // 2, 1)
        vectors = embed(read, pair, dim, dtype, embedding_l2, "mlp")
        x = keras.layers.Flatten(dtype=dtype)(vectors.stacked)
        x = dense_tower(x, units, activation, batch_norm, dropout, l1, l2, dtype)
        parts.append(x)
    x = join(parts, dtype)
    logits = logits_layer(x, n_outputs, l1, l2, dtype, beside_linear=True)
    logits = with_linear_part(logits, read, pair, dtype, l1, l2)
    return field_model(inputs, logits, structure)

"""Multi-layer perceptron over the flattened features, or the fields of a table."""

import keras

from skrec.networks._blocks import dense_tower, logits_layer
from skrec.networks._fields import (
    embed,
    field_inputs,
    field_model,
    flat_fields,
    periodic_numbers,
    with_linear_part,
)
from skrec.networks._unknown import with_unknown
from skrec.preprocessing._spec import FieldSpec


def build_mlp(
    *,
    input_shape: tuple[int, ...],
    n_outputs: int,
    units: tuple[int, ...],
    activation: str = "relu",
    batch_norm: bool = False,
    periodic: bool = False,
    linear: bool = False,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    r"""Build a multi-layer perceptron.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one sample; more than one dimension is flattened.
    n_outputs : int
        Number of logits, or of regression outputs.
    units : tuple of int
        Width of each hidden layer.
    activation : str, default="relu"
        Activation of the hidden layers.
    batch_norm : bool, default=False
        Whether to normalise each hidden layer before its activation.
    periodic : bool, default=False
        Whether numbers get waves of them beside them.
    linear : bool, default=False
        Whether a linear model of all numbers stands beside it.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each hidden layer's units to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.

    Returns
    -------
    keras.Model
        Model from (samples, \*input_shape) to (samples, n_outputs).

    References
    ----------
    .. [1] P. Covington, J. Adams and E. Sargin, "Deep neural networks for YouTube
       recommendations", RecSys 2016.

    Examples
    --------
    >>> from skrec.networks import build_mlp
    >>> build_mlp(input_shape=(4,), n_outputs=3, units=(16, 8)).count_params()
    243
    """
    inputs = keras.Input(input_shape, dtype=keras.DTypePolicy(dtype).variable_dtype)
    flat = inputs
    if len(input_shape) > 1:
        flat = keras.layers.Flatten(dtype=dtype)(inputs)
    x = flat
    if periodic:
        x = keras.layers.Flatten(dtype=dtype)(periodic_numbers(flat, dtype, l1, l2))
    x = dense_tower(x, units, activation, batch_norm, dropout, l1, l2, dtype)
    logits = logits_layer(x, n_outputs, l1, l2, dtype, linear)
    if linear:
        numbers = FieldSpec(n_numbers=flat.shape[-1])
        flat_inputs = {"numbers": flat}
        logits = with_linear_part(logits, flat_inputs, numbers, dtype, l1, l2)
    return keras.Model(inputs, logits, name="mlp")


def build_field_mlp(
    *,
    fields: FieldSpec,
    n_outputs: int,
    units: tuple[int, ...],
    embedding_dim: int | tuple[int, ...] = 10,
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
    r"""Build a multi-layer perceptron over the encoded fields of a table.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.
    n_outputs : int
        Number of logits, or of regression outputs.
    units : tuple of int
        Width of each hidden layer.
    embedding_dim : int or tuple of int, default=10
        Length of the vectors of ids, of all tables or of each.
    activation : str, default="relu"
        Activation of the hidden layers.
    batch_norm : bool, default=False
        Whether to normalise each hidden layer before its activation.
    reads_unknown : bool, default=False
        Whether a share of the ids is read as unknown in training.
    periodic : bool, default=False
        Whether the tower gets numbers with waves of them.
    linear : bool, default=False
        Whether a linear model of all fields stands beside it.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each hidden layer's units to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.
    embedding_l2 : float, default=0.0
        Penalty on the squares of the vectors.
    unknown_share : float, default=0.0
        That share.

    Returns
    -------
    keras.Model
        Model from encoded rows to (samples, n_outputs).

    References
    ----------
    .. [1] P. Covington, J. Adams and E. Sargin, "Deep neural networks for YouTube
       recommendations", RecSys 2016.

    Examples
    --------
    >>> from skrec.networks import build_field_mlp
    >>> from skrec.preprocessing import FieldSpec
    >>> fields = FieldSpec(tables=(16,), ids=(0,), n_numbers=2)
    >>> build_field_mlp(fields=fields, n_outputs=1, units=(8,)).count_params()
    273
    """
    inputs = field_inputs(fields, dtype)
    read = with_unknown(inputs, fields, reads_unknown, unknown_share)
    embedded = embed(read, fields, embedding_dim, dtype, embedding_l2)
    x = flat_fields(read, fields, embedded, dtype, periodic, l1, l2)
    x = dense_tower(x, units, activation, batch_norm, dropout, l1, l2, dtype)
    logits = logits_layer(x, n_outputs, l1, l2, dtype, linear)
    if linear:
        logits = with_linear_part(logits, read, fields, dtype, l1, l2)
    return field_model(inputs, logits, "field_mlp")

"""Deep interest network: attention of a target over the history of clicks."""

import keras

from skrec.networks._attention import (
    attention_name,
    interest_initializer,
    mlp_interest,
    tower,
    with_interests,
)
from skrec.networks._blocks import logits_layer
from skrec.networks._fields import embed, field_inputs, field_model
from skrec.networks._unknown import with_unknown
from skrec.preprocessing._spec import FieldSpec


def build_din(
    *,
    fields: FieldSpec,
    n_outputs: int,
    pairs: tuple[tuple[int, int], ...] = (),
    embedding_dim: int = 10,
    units: tuple[int, ...] = (256, 128, 64),
    attention_units: tuple[int, ...] = (80, 40),
    activation: str = "dice",
    batch_norm: bool = False,
    reads_unknown: bool = False,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    embedding_l2: float = 0.0,
    unknown_share: float = 0.0,
) -> keras.Model:
    """Build a deep interest network.

    Each step of a history is scored by a small network that sees its vector, that of
    the target, their difference and their product. The steps are summed with these
    scores, which no softmax divides by their sum, so that the sum also tells how much
    interest there is ([1]_, section 4.3). Dense layers take that sum and the other
    fields.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.
    n_outputs : int
        Number of logits, or of regression outputs.
    pairs : tuple of (int, int), default=()
        Position of the target among the ids and of its history among the sequences, for
        each history. Sequences without a target are averaged.
    embedding_dim : int, default=10
        Length of the vectors of ids.
    units : tuple of int, default=(256, 128, 64)
        Width of each hidden layer.
    attention_units : tuple of int, default=(80, 40)
        Width of the hidden layers that score a step.
    activation : str, default="dice"
        ``"dice"`` or a Keras activation, of both kinds of hidden layers.
    batch_norm : bool, default=False
        Whether to normalise each hidden layer before its activation.
    reads_unknown : bool, default=False
        Whether a share of the ids is read as unknown in training.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each hidden layer's units to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.
    embedding_l2 : float, default=0.0
        Penalty on the squares of the vectors of ids.
    unknown_share : float, default=0.0
        That share.

    Returns
    -------
    keras.Model
        Model from encoded rows to logits of shape (samples, n_outputs).

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest network for click-through rate prediction",
       KDD 2018.

    Examples
    --------
    >>> from skrec.networks import build_din
    >>> from skrec.preprocessing import FieldSpec, SequenceSpec
    >>> fields = FieldSpec(tables=(50,), ids=(0,), sequences=(SequenceSpec(0, 20),))
    >>> build_din(fields=fields, n_outputs=1, pairs=((0, 0),)).output_shape
    (None, 1)
    """
    inputs = field_inputs(fields, dtype)
    read = with_unknown(inputs, fields, reads_unknown, unknown_share)
    embedded = embed(
        read,
        fields,
        embedding_dim,
        dtype,
        embedding_l2,
        initializer=interest_initializer(),
    )
    interests = {}
    for target, history in pairs:
        interests[history] = mlp_interest(
            embedded.ids[target],
            embedded.sequences[history],
            embedded.masks[history],
            attention_units,
            activation,
            l1,
            l2,
            dtype,
            name=attention_name(history),
        )
    x = with_interests(read, fields, embedded, interests, dtype)
    x = tower(x, units, activation, batch_norm, dropout, l1, l2, dtype)
    return field_model(inputs, logits_layer(x, n_outputs, l1, l2, dtype), "din")

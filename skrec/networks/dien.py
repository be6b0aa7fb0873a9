"""Deep interest evolution network: recurrent layers over the history of clicks."""

from dataclasses import replace
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from skrec.networks._attention import (
    AttentionalGRUCell,
    attention_name,
    bilinear_weights,
    interest_initializer,
    tower,
    weighted_sum,
    with_interests,
)
from skrec.networks._blocks import logits_layer, penalty
from skrec.networks._fields import Embedded, embed, field_inputs, field_model
from skrec.networks._unknown import with_unknown
from skrec.preprocessing._spec import FieldSpec, SequenceSpec
from skrec.preprocessing._vocabulary import FIRST


@keras.saving.register_keras_serializable("skrec")
class NegativeIds(keras.layers.Layer):
    """Draws an id for each step of a sequence but the first, evenly from a table.

    The sequence passes through it, so that the layer comes before all dropout layers:
    seeds are dealt in the order of the layers, and a dropout layer without a rate has
    none.

    Parameters
    ----------
    n_ids : int
        Codes of the table's ids, of which 0, padding, and 1, unknown, are not drawn.
    table : int, default=0
        Which table; a compiled program takes `n_ids` as an input by that number.
    **kwargs : dict
        Arguments of every Keras layer.
    """

    def __init__(self, n_ids: float, table: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        first = tf.Variable(n_ids, trainable=False, dtype="float64")
        self.tuned = {n_ids_of(table): first}
        # Its state is set anew for each epoch; 0 keeps Keras from drawing one.
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, codes: Any, training: Any = None) -> Any:
        """Return the sequence, and ids of one step less that are 0 but in training."""
        drawn = ops.zeros_like(codes[:, 1:])
        if training:
            end = tf.cast(self.tuned[n_ids_of(self.table)], codes.dtype)
            drawn = keras.random.randint(
                ops.shape(drawn),
                FIRST,
                tf.maximum(end, FIRST + 1),
                codes.dtype,
                self.seed_generator,
            )
        return codes, drawn

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal layer."""
        n_ids = float(self.tuned[n_ids_of(self.table)].numpy())
        return {**super().get_config(), "n_ids": n_ids, "table": self.table}


def n_ids_of(table: int) -> str:
    """Return the name under which a program takes the number of a table's codes.

    Parameters
    ----------
    table : int
        Position of the table.

    Returns
    -------
    str
        The name.
    """
    return f"n_ids_{table}"


@keras.saving.register_keras_serializable("skrec")
class NextClickLoss(keras.layers.Layer):
    """Tells how badly states predict the next click.

    For each step but the first: the cross-entropy of telling the item that was clicked
    from the one that was drawn, by the product of its vector and the state before
    ([1]_, equation 6); the mean over the steps of a row, so that long histories weigh
    no more than short ones.

    Parameters
    ----------
    **kwargs : dict
        Arguments of every Keras layer, such as ``dtype``.

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest evolution network for click-through rate
       prediction", AAAI 2019.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(
        self, states: Any, clicked: Any, drawn: Any, mask: Any, training: Any = None
    ) -> Any:
        """Return the loss of each row.

        Parameters
        ----------
        states : tensor of shape (batch, length, dim)
            State after each step.
        clicked : tensor of shape (batch, length, dim)
            Vectors of the history.
        drawn : tensor of shape (batch, length - 1, dim)
            Vectors of items drawn in the place of all steps but the first.
        mask : tensor of bool of shape (batch, length)
            False for padding, which is in front.
        training : bool, default=None
            Whether to compute anything.

        Returns
        -------
        tensor of shape (batch, 1)
            Losses; 0 outside training and for histories of less than two steps.
        """
        if not training:
            return ops.zeros_like(states[:, 0, :1])
        before = states[:, :-1]
        losses = ops.softplus(-ops.sum(before * clicked[:, 1:], -1))
        losses = losses + ops.softplus(ops.sum(before * drawn, -1))
        present = ops.cast(mask[:, :-1], losses.dtype)
        total = ops.sum(losses * present, -1, keepdims=True)
        return total / ops.maximum(ops.sum(present, -1, keepdims=True), 1)


@keras.saving.register_keras_serializable("skrec")
class RowLossColumn(keras.layers.Layer):
    """Puts a loss of each row behind its logits, in training alone.

    Predictions and scores do not have the column, which a loss of the right kind takes
    off again.

    Parameters
    ----------
    **kwargs : dict
        Arguments of every Keras layer, such as ``dtype``.
    """

    def call(self, logits: Any, losses: Any, training: Any = None) -> Any:
        """Return logits of shape (batch, n_outputs), in training one column more."""
        return ops.concatenate([logits, losses], axis=-1) if training else logits

    def compute_output_shape(self, logits_shape: Any, losses_shape: Any) -> Any:
        """Return the shape outside training."""
        return logits_shape


@keras.saving.register_keras_serializable("skrec")
class PlusRowLoss(keras.losses.Loss):
    """A loss plus that of each row, which :class:`RowLossColumn` put behind the logits.

    Outputs without the column have the loss alone. Weights of rows apply to both.

    Parameters
    ----------
    loss : keras.losses.Loss
        Loss of the logits.
    n_outputs : int
        Number of logits.
    alpha : float, default=1.0
        Factor of the other loss.
    name : str, default=None
        Name; None makes one of that of `loss`, so that equal losses have equal names.
    **kwargs : dict
        Arguments of every Keras loss, such as ``dtype``.
    """

    def __init__(
        self,
        loss: keras.losses.Loss,
        n_outputs: int,
        alpha: float = 1.0,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name or f"{loss.name}_plus_row_loss", **kwargs)
        self.loss = loss
        self.n_outputs = n_outputs
        # A variable, so that one traced graph serves every value.
        self.alpha = keras.Variable(alpha, trainable=False, dtype=self.dtype)
        self.tuned = {"alpha": self.alpha}  # by programs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row."""
        losses = self.loss.call(y_true, y_pred[:, : self.n_outputs])
        if y_pred.shape[-1] == self.n_outputs:
            return losses
        return losses + self.alpha * y_pred[:, self.n_outputs]

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal loss."""
        return {
            **super().get_config(),
            "loss": keras.losses.serialize(self.loss),
            "n_outputs": self.n_outputs,
            "alpha": float(self.alpha),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "PlusRowLoss":
        """Make the loss of a configuration."""
        loss = keras.losses.deserialize(config["loss"])
        return cls(**{**config, "loss": loss})


def build_dien(
    *,
    fields: FieldSpec,
    n_outputs: int,
    pairs: tuple[tuple[int, int], ...] = (),
    embedding_dim: int = 10,
    units: tuple[int, ...] = (256, 128, 64),
    gru_type: str = "augru",
    auxiliary: bool = False,
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
    """Build a deep interest evolution network.

    A GRU reads each history; attention weighs its states by the target; a second GRU,
    whose updates are as strong as the attention, reads the states, and its last state
    is what dense layers take beside the other fields ([1]_, section 4).

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
        Length of the vectors of ids and size of the GRUs' states, whose product the
        auxiliary loss needs.
    units : tuple of int, default=(256, 128, 64)
        Width of each hidden layer.
    gru_type : {"augru", "agru", "aigru", "gru"}, default="augru"
        What attention does: it multiplies the update gates of the second GRU, takes
        their place, multiplies the inputs, or weighs the sum of the states.
    auxiliary : bool, default=False
        Whether the outputs have one column more in training: how badly each row's
        states predict the next click.
    activation : str, default="dice"
        ``"dice"`` or a Keras activation, of the hidden layers.
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
    .. [1] G. Zhou et al., "Deep interest evolution network for click-through rate
       prediction", AAAI 2019.

    Examples
    --------
    >>> from skrec.networks import build_dien
    >>> from skrec.preprocessing import FieldSpec, SequenceSpec
    >>> fields = FieldSpec(tables=(50,), ids=(0,), sequences=(SequenceSpec(0, 20),))
    >>> build_dien(fields=fields, n_outputs=1, pairs=((0, 0),)).output_shape
    (None, 1)
    """
    inputs = field_inputs(fields, dtype)
    read = with_unknown(inputs, fields, reads_unknown, unknown_share)
    embedded, drawn = _embed_with_negatives(
        read, fields, pairs if auxiliary else (), embedding_dim, dtype, embedding_l2
    )
    interests, losses = {}, []
    for target, history in pairs:
        steps, mask = embedded.sequences[history], embedded.masks[history]
        extractor = _gru(embedding_dim, True, l1, l2, dtype)
        states = extractor(steps, mask=mask)
        if history in drawn:
            score = NextClickLoss(dtype=dtype)
            losses.append(score(states, steps, drawn[history], mask=mask))
        weights = bilinear_weights(
            embedded.ids[target], states, mask, l1, l2, dtype, attention_name(history)
        )
        interests[history] = _evolved(states, weights, mask, gru_type, l1, l2, dtype)
    x = with_interests(read, fields, embedded, interests, dtype)
    x = tower(x, units, activation, batch_norm, dropout, l1, l2, dtype)
    outputs = logits_layer(x, n_outputs, l1, l2, dtype)
    if losses:
        outputs = RowLossColumn(dtype=outputs.dtype, name="row_loss")(
            outputs, sum(losses)
        )
    return field_model(inputs, outputs, "dien")


def _embed_with_negatives(
    inputs: dict[str, Any],
    fields: FieldSpec,
    pairs: tuple[tuple[int, int], ...],
    embedding_dim: int,
    dtype: str,
    embedding_l2: float,
) -> tuple[Embedded, dict[int, Any]]:
    """Look up all ids, and for each history of the pairs ids that were not clicked."""
    looked_up, sequences, histories = dict(inputs), list(fields.sequences), []
    for _, history in pairs:
        table, length = fields.sequences[history]
        if length > 1:  # negatives are sequences to `embed`, behind the others
            draw, name = NegativeIds(fields.tables[table], table), f"sequence_{history}"
            looked_up[name], negatives = draw(inputs[name])
            looked_up[f"sequence_{len(sequences)}"] = negatives
            sequences.append(SequenceSpec(table, length - 1))
            histories.append(history)
    spec = replace(fields, sequences=tuple(sequences))
    embedded = embed(
        looked_up,
        spec,
        embedding_dim,
        dtype,
        embedding_l2,
        initializer=interest_initializer(),
    )
    n = len(fields.sequences)
    drawn = dict(zip(histories, embedded.sequences[n:], strict=True))
    own = replace(embedded, sequences=embedded.sequences[:n], masks=embedded.masks[:n])
    return own, drawn


def _gru(units: int, return_sequences: bool, l1: float, l2: float, dtype: str) -> Any:
    """Return a GRU that may skip padding in front, which cuDNN's kernels do not."""
    return keras.layers.GRU(
        units,
        return_sequences=return_sequences,
        kernel_regularizer=penalty(l1, l2),
        use_cudnn=False,
        dtype=dtype,
    )


def _evolved(
    states: Any,
    weights: Any,
    mask: Any,
    gru_type: str,
    l1: float,
    l2: float,
    dtype: str,
) -> Any:
    """Let the second GRU read the states with attention: section 4.3 of the paper."""
    units = states.shape[-1]
    if gru_type == "gru":
        evolved = _gru(units, True, l1, l2, dtype)(states, mask=mask)
        return weighted_sum(weights, evolved)
    attention = weights[..., None]
    if gru_type == "aigru":
        return _gru(units, False, l1, l2, dtype)(states * attention, mask=mask)
    # The inputs of all steps are projected at once, before the loop over the steps.
    projection = keras.layers.Dense(
        3 * units, kernel_regularizer=penalty(l1, l2), dtype=dtype
    )
    steps = ops.concatenate([projection(states), attention], axis=-1)
    cell = AttentionalGRUCell(units, gru_type, dtype=dtype)
    return keras.layers.RNN(cell, dtype=dtype)(steps)

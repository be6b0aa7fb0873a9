"""Recurrent network over sequences, with padded steps masked."""

from typing import Any

import keras

from skrec.networks._blocks import logits_layer, penalty
from skrec.preprocessing._padding import PADDING_VALUE


def build_rnn(
    *,
    input_shape: tuple[int, ...],
    n_outputs: int,
    cell: str = "gru",
    units: tuple[int, ...] = (64,),
    bidirectional: bool = False,
    activation: str = "tanh",
    batch_norm: bool = False,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    r"""Build recurrent layers whose last state goes to the logits.

    Parameters
    ----------
    input_shape : tuple of int
        (steps,) or (steps, channels) of one sample. The first is read as one channel.
        Steps whose channels all equal ``skrec.networks.PADDING_VALUE`` are skipped.
    n_outputs : int
        Number of logits, or of regression outputs.
    cell : {"gru", "lstm"}, default="gru"
        Kind of recurrent layer.
    units : tuple of int, default=(64,)
        Width of each recurrent layer.
    bidirectional : bool, default=False
        Whether each layer reads the sequence in both directions.
    activation : str, default="tanh"
        Activation of the recurrent layers.
    batch_norm : bool, default=False
        Whether to normalise the last state.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each recurrent layer's outputs to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared input kernel weights.

    Returns
    -------
    keras.Model
        Model from (samples, \*input_shape) to (samples, n_outputs).

    Examples
    --------
    >>> from skrec.networks import build_rnn
    >>> build_rnn(input_shape=(20, 8), n_outputs=3, cell="lstm").output_shape
    (None, 3)
    """
    inputs = keras.Input(input_shape, dtype=keras.DTypePolicy(dtype).variable_dtype)
    x: Any = inputs
    if len(input_shape) == 1:
        x = keras.layers.Reshape((*input_shape, 1), dtype=dtype)(x)
    x = keras.layers.Masking(PADDING_VALUE, dtype=dtype)(x)
    layer = keras.layers.LSTM if cell == "lstm" else keras.layers.GRU
    for depth, n_units in enumerate(units, start=1):
        recurrent = layer(
            n_units,
            activation=activation,
            return_sequences=depth < len(units),
            kernel_regularizer=penalty(l1, l2),
            # Steps are padded in front, which cuDNN's kernels do not allow.
            use_cudnn=False,
            dtype=dtype,
        )
        if bidirectional:
            recurrent = keras.layers.Bidirectional(recurrent, dtype=dtype)
        x = recurrent(x)
        x = keras.layers.Dropout(dropout, dtype=dtype)(x)
    if batch_norm:
        x = keras.layers.BatchNormalization(dtype=dtype)(x)
    return keras.Model(inputs, logits_layer(x, n_outputs, l1, l2, dtype), name="rnn")

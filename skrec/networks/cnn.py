"""Convolutional network over sequences (Conv1D) or images (Conv2D)."""

from typing import Any

import keras

from skrec.networks._blocks import activate, dense_tower, logits_layer, penalty


def build_cnn(
    *,
    input_shape: tuple[int, ...],
    n_outputs: int,
    filters: tuple[int, ...],
    kernel_size: int = 3,
    pool_size: int = 2,
    units: tuple[int, ...] = (128,),
    activation: str = "relu",
    batch_norm: bool = False,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    r"""Build blocks of convolution and max-pooling, then dense layers.

    Convolution and pooling pad their input (``padding="same"``), so that no sequence is
    too short for them; :func:`too_short` says where part of a window only sees padding.

    Parameters
    ----------
    input_shape : tuple of int
        (steps,), (steps, channels) or (height, width, channels) of one sample. The
        first is read as one channel.
    n_outputs : int
        Number of logits, or of regression outputs.
    filters : tuple of int
        Number of filters of each convolution block.
    kernel_size : int, default=3
        Steps, or pixels a side, that a filter sees.
    pool_size : int, default=2
        Steps, or pixels a side, that max-pooling merges; 1 for no pooling.
    units : tuple of int, default=(128,)
        Width of each dense layer after the convolutions.
    activation : str, default="relu"
        Activation of the convolutions and the dense layers.
    batch_norm : bool, default=False
        Whether to normalise each layer before its activation.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each dense layer's units to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.

    Returns
    -------
    keras.Model
        Model from (samples, \*input_shape) to (samples, n_outputs).

    Examples
    --------
    >>> from skrec.networks import build_cnn
    >>> build_cnn(input_shape=(20, 8), n_outputs=3, filters=(16,)).output_shape
    (None, 3)
    """
    inputs = keras.Input(input_shape, dtype=keras.DTypePolicy(dtype).variable_dtype)
    x: Any = inputs
    if len(input_shape) == 1:
        x = keras.layers.Reshape((*input_shape, 1), dtype=dtype)(x)
    images = len(input_shape) == 3
    convolution = keras.layers.Conv2D if images else keras.layers.Conv1D
    pooling = keras.layers.MaxPooling2D if images else keras.layers.MaxPooling1D
    for n_filters in filters:
        x = convolution(
            n_filters,
            kernel_size,
            padding="same",
            kernel_regularizer=penalty(l1, l2),
            dtype=dtype,
        )(x)
        x = activate(x, activation, batch_norm, dtype)
        if pool_size > 1:
            x = pooling(pool_size, padding="same", dtype=dtype)(x)
    x = keras.layers.Flatten(dtype=dtype)(x)
    x = dense_tower(x, units, activation, batch_norm, dropout, l1, l2, dtype)
    return keras.Model(inputs, logits_layer(x, n_outputs, l1, l2, dtype), name="cnn")


def too_short(
    input_shape: tuple[int, ...], kernel_size: int, pool_size: int
) -> list[str]:
    """Say which of kernel, pool and steps to change where windows only see padding.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one sample, as :func:`build_cnn` takes it.
    kernel_size : int
        Steps, or pixels a side, that a filter sees.
    pool_size : int
        Steps, or pixels a side, that max-pooling merges.

    Returns
    -------
    list of str
        What is too wide; empty for the defaults, however short the sequences.

    Examples
    --------
    >>> from skrec.networks import too_short
    >>> too_short((4, 8), kernel_size=3, pool_size=2)
    []
    """
    steps = min(input_shape[:1] if len(input_shape) < 3 else input_shape[:2])
    messages = []
    # Of a window wider than 2 * steps - 1 the outermost positions never meet a step.
    if kernel_size > max(2 * steps - 1, 3):
        messages.append(
            f"kernel_size={kernel_size} is too wide for the {steps} steps of X: part "
            f"of each filter only sees padding. Lower kernel_size to {steps}, or give "
            "X more steps."
        )
    if pool_size > max(steps, 2):
        messages.append(
            f"pool_size={pool_size} is larger than the {steps} steps of X, so that "
            f"everything is pooled into one. Lower pool_size to {steps}, or give X "
            "more steps."
        )
    return messages

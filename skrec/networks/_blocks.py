"""The pieces that every architecture here is put together from."""

from typing import Any

import keras

SMALL = 0.1  # of Glorot's initial weights, where these should start near 0


def penalty(l1: float, l2: float) -> keras.Regularizer | None:
    """Return the kernel regulariser, or None where there is nothing to add."""
    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None


def tuned_by(layer: keras.layers.Dropout, parameter: str) -> keras.layers.Dropout:
    """Say which hyper-parameter is a layer's rate, where it is not `dropout`.

    A compiled program takes the rate as an input by that name, whatever the layer was
    built with.
    """
    layer.tuned_by = parameter
    return layer


def activate(x: Any, activation: str, batch_norm: bool, dtype: str) -> Any:
    """Apply batch normalisation, if asked for, and then the activation."""
    if batch_norm:
        x = keras.layers.BatchNormalization(dtype=dtype)(x)
    return keras.layers.Activation(activation, dtype=dtype)(x)


def dense_tower(
    x: Any,
    units: tuple[int, ...],
    activation: str,
    batch_norm: bool,
    dropout: float,
    l1: float,
    l2: float,
    dtype: str,
) -> Any:
    """Stack dense layers, each followed by normalisation, activation and dropout."""
    for n_units in units:
        x = keras.layers.Dense(
            n_units, kernel_regularizer=penalty(l1, l2), dtype=dtype
        )(x)
        x = activate(x, activation, batch_norm, dtype)
        x = keras.layers.Dropout(dropout, dtype=dtype)(x)
    return x


def near_zero() -> keras.initializers.Initializer:
    """Make initial weights a tenth of Glorot's."""
    return keras.initializers.VarianceScaling(SMALL**2, "fan_avg", "uniform")


def logits_layer(
    x: Any,
    n_outputs: int,
    l1: float,
    l2: float,
    dtype: str,
    beside_linear: bool = False,
) -> Any:
    """Apply the last layer; under mixed precision its output is float32.

    Where its outputs are added to those of a linear model, at whose solution training
    may start, they begin near 0, so as not to spoil that.
    """
    outputs = keras.layers.Dense(
        n_outputs,
        kernel_initializer=near_zero() if beside_linear else "glorot_uniform",
        kernel_regularizer=penalty(l1, l2),
        dtype=dtype,
        name="logits",
    )(x)
    if dtype.startswith("mixed"):
        outputs = keras.layers.Activation("linear", dtype="float32")(outputs)
    return outputs

"""The pieces that every architecture here is put together from."""

from typing import Any

import keras


def penalty(l1: float, l2: float) -> keras.Regularizer | None:
    """Return the kernel regulariser, or None where there is nothing to add."""
    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None


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


def logits_layer(x: Any, n_outputs: int, l1: float, l2: float, dtype: str) -> Any:
    """Apply the last layer; under mixed precision its output is float32."""
    outputs = keras.layers.Dense(
        n_outputs, kernel_regularizer=penalty(l1, l2), dtype=dtype, name="logits"
    )(x)
    if dtype.startswith("mixed"):
        outputs = keras.layers.Activation("linear", dtype="float32")(outputs)
    return outputs

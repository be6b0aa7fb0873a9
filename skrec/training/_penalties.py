"""Penalties and clipping inside the graph: what changes gradients before an update."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

Penalties = dict[str, Any]  # `Rates.penalties`, as numbers or tensors


def as_dense(gradient: Any) -> Any:
    """Sum the pieces of an embedding's gradient, one a looked-up row, into one array.

    Keras's optimizers square the pieces of a row that occurs twice in a batch one by
    one; of their sum, as here, Adam and RMSprop take the square that their papers mean.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    return tf.math.unsorted_segment_sum(
        gradient.values, gradient.indices, gradient.dense_shape[0]
    )


def value(variables: Sequence[keras.Variable], penalties: Penalties) -> Any:
    """Return the penalty on all weights, in single precision."""
    total = tf.constant(0.0)
    for variable in variables:
        l1, l2 = _factors(variable, penalties)
        w = tf.cast(variable.value, tf.float32)
        if l1 is not None:
            total += l1 * tf.reduce_sum(tf.abs(w))
        if l2 is not None:
            total += l2 * tf.reduce_sum(tf.square(w))
    return total


def add(
    gradients: Sequence[Any], variables: Sequence[keras.Variable], penalties: Penalties
) -> list[Any]:
    """Return the gradients with those of the penalties."""
    changed = []
    for g, variable in zip(gradients, variables, strict=True):
        if g is not None:
            l1, l2 = _factors(variable, penalties)
            g, w = tf.convert_to_tensor(g), variable.value
            if l1 is not None:
                g = g + tf.cast(l1, w.dtype) * tf.sign(w)
            if l2 is not None:
                g = g + 2 * tf.cast(l2, w.dtype) * w
        changed.append(g)
    return changed


def clip(gradients: Sequence[Any], penalties: Penalties) -> list[Any]:
    """Return the gradients, each scaled down to the largest norm if there is one."""
    if "clipnorm" not in penalties:
        return list(gradients)
    return [g if g is None else _clipped(g, penalties["clipnorm"]) for g in gradients]


def _clipped(g: Any, clipnorm: Any) -> Any:
    norm = tf.maximum(tf.norm(g), tf.cast(1e-30, g.dtype))
    return g * tf.minimum(tf.cast(clipnorm, g.dtype) / norm, 1)


def _factors(variable: keras.Variable, penalties: Penalties) -> tuple[Any, Any]:
    """Return the factors of the absolute and the squared weights; None for none."""
    if variable.name == "kernel":
        return penalties.get("l1"), penalties.get("l2")
    if variable.name == "embeddings":
        return None, penalties.get("embedding_l2")
    return None, None

"""Penalties and clipping inside the graph: what changes gradients before an update."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from skrec.networks._fields import is_linear

Penalties = dict[str, Any]  # `Rates.penalties`, as numbers or tensors


def summed(gradient: Any, lazy: bool = False) -> Any:
    """Sum the pieces of an embedding's gradient, one a looked-up row.

    Keras's optimizers square the pieces of a row that occurs twice in a batch one by
    one; of their sum, as here, Adam and RMSprop take the square that their papers mean.

    Parameters
    ----------
    gradient : tensor, tf.IndexedSlices or None
        Gradient of a weight; only slices are changed.
    lazy : bool, default=False
        Whether to return the rows that occur in the batch alone.

    Returns
    -------
    tensor, tf.IndexedSlices or None
        The gradient: of all rows or, if `lazy`, of different rows.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    if not lazy:
        return tf.math.unsorted_segment_sum(
            gradient.values, gradient.indices, gradient.dense_shape[0]
        )
    rows, places = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def value(
    gradients: Sequence[Any], variables: Sequence[keras.Variable], penalties: Penalties
) -> Any:
    """Return the penalty on all weights that a step changes, in single precision."""
    total = tf.constant(0.0)
    for g, variable in zip(gradients, variables, strict=True):
        l1, l2 = _factors(variable, penalties)
        if l1 is None and l2 is None:
            continue
        w = tf.cast(_changed(g, variable), tf.float32)
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
        l1, l2 = _factors(variable, penalties)
        if g is not None and not (l1 is None and l2 is None):
            w = _changed(g, variable)
            if l1 is not None:
                g = _plus(g, tf.cast(l1, w.dtype) * tf.sign(w))
            if l2 is not None:
                g = _plus(g, 2 * tf.cast(l2, w.dtype) * w)
        changed.append(g)
    return changed


def _changed(gradient: Any, variable: keras.Variable) -> Any:
    """Return the weights that a gradient changes: some rows of a table, or all."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.gather(variable.value, gradient.indices)
    return variable.value


def _plus(gradient: Any, more: Any) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        values = gradient.values + more
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return tf.convert_to_tensor(gradient) + more


def clip(gradients: Sequence[Any], penalties: Penalties) -> list[Any]:
    """Return the gradients, each scaled down to the largest norm if there is one."""
    if "clipnorm" not in penalties:
        return list(gradients)
    return [g if g is None else _clipped(g, penalties["clipnorm"]) for g in gradients]


def _clipped(g: Any, clipnorm: Any) -> Any:
    if isinstance(g, tf.IndexedSlices):  # the other rows are zeros
        values = _clipped(g.values, clipnorm)
        return tf.IndexedSlices(values, g.indices, g.dense_shape)
    norm = tf.maximum(tf.norm(g), tf.cast(1e-30, g.dtype))
    return g * tf.minimum(tf.cast(clipnorm, g.dtype) / norm, 1)


def _factors(variable: keras.Variable, penalties: Penalties) -> tuple[Any, Any]:
    """Return the factors of the absolute and the squared weights; None for none."""
    if variable.name == "kernel":
        return penalties.get("l1"), penalties.get("l2")
    if variable.name == "embeddings" and not is_linear(variable.path.split("/")[-2]):
        return None, penalties.get("embedding_l2")
    return None, None

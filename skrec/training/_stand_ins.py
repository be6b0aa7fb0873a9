"""Layers that stand in for Keras's inside a program: tunable rates, sparse reads."""

from typing import Any

import keras
import tensorflow as tf
from keras.src.saving.serialization_lib import SafeModeScope


def name_of_own_rate(position: int) -> str:
    """Name the rate of a dropout layer of a user's own network, by its position.

    Parameters
    ----------
    position : int
        Among the dropout layers at the top of the model.

    Returns
    -------
    str
        The name.
    """
    return f"dropout_{position}"


class TunedDropout(keras.layers.Dropout):
    """Stands in for ``keras.layers.Dropout`` inside a program; never leaves it."""

    tuned_by = "dropout"  # the hyper-parameter that is its rate

    def __init__(self, rate: float, **kwargs: Any) -> None:
        # Keras makes a seed generator only for a rate above 0. Its seed is set before
        # each epoch; 0 keeps Keras from drawing one from Python's global generator.
        super().__init__(**{**kwargs, "rate": 0.5, "seed": 0})
        self.tuned_rate = tf.Variable(rate, trainable=False, dtype="float32")

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop inputs in training, unless the rate is 0 at this moment."""
        if not training:
            return inputs
        rate = tf.cast(self.tuned_rate, inputs.dtype)
        # Keras allows None in it, for the batch's own size.
        noise_shape = self.noise_shape and [
            tf.shape(inputs)[axis] if size is None else size
            for axis, size in enumerate(self.noise_shape)
        ]
        return tf.cond(
            rate > 0,
            lambda: tf.nn.experimental.stateless_dropout(
                inputs,
                rate=rate,
                noise_shape=noise_shape,
                seed=tf.cast(self.seed_generator.next(), "int32"),
            ),
            lambda: tf.identity(inputs),
        )


class SparseEmbedding(keras.layers.Embedding):
    """Stands in for ``keras.layers.Embedding`` inside a program; never leaves it.

    Keras reads the whole table and takes rows of what it has read, which copies a table
    that is written row by row. The table is drawn for each fit, so not when it is made.
    """

    embeddings_initializer: Any

    def build(self, input_shape: Any = None) -> None:
        """Make the table, all zeros, but keep what it is to be drawn by."""
        drawn_by = self.embeddings_initializer
        self.embeddings_initializer = keras.initializers.Zeros()
        super().build(input_shape)
        self.embeddings_initializer = drawn_by

    def call(self, inputs: Any) -> Any:
        """Look up the rows of codes, which lie within the table."""
        vectors = tf.gather(self.embeddings.value, inputs)
        return tf.cast(vectors, self.compute_dtype)


def program_copy(model: keras.Model, as_keras: bool) -> keras.Model:
    """Return an equal model, with weights of its own and tunable dropout rates.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential model.
    as_keras : bool
        Whether it is a user's own, whose weights are copied and whose tables are read
        as Keras reads them. Those of skrec's own are drawn for each fit.

    Returns
    -------
    keras.Model
        The copy, not compiled.
    """
    stand_ins: dict[type, type[keras.Layer]] = {keras.layers.Dropout: TunedDropout}
    if not as_keras:
        stand_ins[keras.layers.Embedding] = SparseEmbedding

    def clone(layer: keras.Layer) -> keras.Layer:
        kind: Any = stand_ins.get(type(layer), type(layer))
        own = kind.from_config(layer.get_config())
        if isinstance(own, TunedDropout) and hasattr(layer, "tuned_by"):
            own.tuned_by = layer.tuned_by
        return own

    # A compiled copy would have to find the user's own loss by its name.
    compiled, model.compiled = model.compiled, False
    try:
        with SafeModeScope(False):  # a Lambda layer here comes from no file
            copy = keras.models.clone_model(model, clone_function=clone)
    finally:
        model.compiled = compiled
    if as_keras:
        copy.set_weights(model.get_weights())
    return copy


def tuned_variables(model: keras.Model, as_keras: bool) -> dict[str, list[Any]]:
    """Return the variables that hold continuous hyper-parameters, by their names.

    Parameters
    ----------
    model : keras.Model
        A copy that `program_copy` made, compiled.
    as_keras : bool
        Whether it is a user's own, whose rates go by :func:`name_of_own_rate`.

    Returns
    -------
    dict of str to list of variables
        Those of dropout layers and, of losses and layers of skrec's own, those in
        their `tuned`.
    """
    found: dict[str, list[Any]] = {}
    layers = [layer for layer in model.layers if isinstance(layer, TunedDropout)]
    for k, layer in enumerate(layers):
        name = name_of_own_rate(k) if as_keras else layer.tuned_by
        found.setdefault(name, []).append(layer.tuned_rate)
    if not as_keras:
        for part in (model.loss, *model.layers):
            for name, variable in getattr(part, "tuned", {}).items():
                found.setdefault(name, []).append(variable)
    return found

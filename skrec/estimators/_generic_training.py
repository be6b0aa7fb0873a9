"""Training and predicting with a user's own compiled Keras model."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.training import resolve_device
from skrec.training.cache import lease
from skrec.training.keras_fit import train_with_keras
from skrec.training.loop import Observer, Plan, Watcher, needs_model_fit, train
from skrec.training.program import PREDICT_ROWS, Program, input_structure
from skrec.training.state import Data, Rates, State
from skrec.training.structure import (
    compile_kwargs,
    dropout_rates,
    is_shareable,
    model_key,
)

Rows = tuple[Any, Any, np.ndarray]


def cast_inputs(model: keras.Model, x: Any) -> Any:
    """Bring inputs to the structure and the dtypes that the model takes.

    Parameters
    ----------
    model : keras.Model
        Built functional or Sequential model.
    x : array, or list or dict of arrays
        Inputs.

    Returns
    -------
    ndarray, or list or dict of ndarrays
        The inputs, nested as the model takes them.
    """
    inputs = input_structure(model)
    if isinstance(x, Mapping) and not isinstance(inputs, Mapping):
        named = [x[tensor.name] for tensor in model.inputs]
        x = named if isinstance(inputs, list) else named[0]
    return tf.nest.map_structure(
        lambda tensor, array: np.asarray(array, dtype=tensor.dtype),
        inputs,
        x,
        check_types=False,
    )


def fit_model(
    model: keras.Model,
    rows: Rows,
    plan: Plan,
    epoch: int,
    observer: Observer,
    validation: Rows | None,
    callbacks: Sequence[keras.callbacks.Callback],
    options: dict[str, Any],
) -> None:
    """Train a compiled model in place, by a shared program where there can be one.

    Parameters
    ----------
    model : keras.Model
        The user's model.
    rows : tuple of (x, y, weight)
        Training rows.
    plan : Plan
        How to train; its `rates` are read off the model.
    epoch : int
        Number of epochs trained before.
    observer : Observer
        Told of each epoch.
    validation : tuple of (x, y, weight) or None
        Validation rows.
    callbacks : sequence of keras.callbacks.Callback
        Keras callbacks.
    options : dict
        Arguments of ``Model.fit`` that only ``Model.fit`` can honour.
    """
    if options or needs_model_fit(callbacks) or not is_shareable(model):
        before = model.get_weights()
        try:
            train_with_keras(
                model,
                State([], [], epoch),
                rows,
                plan,
                observer,
                validation,
                callbacks,
                **options,
            )
        except BaseException:
            model.set_weights(before)
            raise
        return
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    plan.rates = Rates.of(optimizer, dropout_rates(model))
    slots = [variable.value.numpy() for variable in optimizer.variables]
    state = State(model.get_weights(), slots, epoch)
    with _lease(model) as program:

        def on_device(rows: Rows) -> Data:
            return Data.of(cast_inputs(model, rows[0]), *rows[1:], program.device)

        watcher = Watcher(model, callbacks) if callbacks else None
        val_data = None if validation is None else on_device(validation)
        data = on_device(rows)
        state = train(program, state, data, plan, observer, val_data, watcher)
    model.set_weights(state.weights)
    for variable, value in zip(optimizer.variables, state.optimizer, strict=True):
        variable.assign(value)


def predict_model(
    model: keras.Model, x: Any, weights: list[np.ndarray] | None, **options: Any
) -> Any:
    """Compute a model's outputs, by a shared program where there can be one.

    Parameters
    ----------
    model : keras.Model
        The user's model.
    x : array, or list or dict of arrays
        Inputs.
    weights : list of ndarray or None
        Weights to predict with instead of the model's own.
    **options : dict
        Arguments of ``Model.predict``, which is then used.

    Returns
    -------
    ndarray, or list or dict of ndarrays
        Outputs.
    """
    if options:
        return model.predict(x, **{"verbose": 0, **options})
    if not is_shareable(model):
        return _predict_eagerly(model, x)
    with _lease(model) as program:
        program.model.set_weights(model.get_weights() if weights is None else weights)
        return program.predict(cast_inputs(model, x))


def _predict_eagerly(model: keras.Model, x: Any) -> Any:
    """Call a model block by block, which needs no graph of its own."""
    blocks = []
    for start in range(0, len(tf.nest.flatten(x)[0]), PREDICT_ROWS):
        rows = slice(start, start + PREDICT_ROWS)
        block = tf.nest.map_structure(lambda a, rows=rows: np.asarray(a)[rows], x)
        outputs = model(block, training=False)
        blocks.append(tf.nest.map_structure(lambda part: part.numpy(), outputs))
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *blocks)


def _lease(model: keras.Model) -> AbstractContextManager[Program]:
    device = resolve_device("auto")
    return lease(
        (model_key(model), device),
        lambda: Program(model, compile_kwargs(model), device),
    )

"""Training and predicting with a user's own compiled Keras model."""

from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np
import tensorflow as tf

from skrec.training import resolve_device
from skrec.training.cache import lease
from skrec.training.fit_key import fit_memory
from skrec.training.keras_fit import train_with_keras
from skrec.training.loop import Observer, Plan, Watcher, needs_model_fit, train
from skrec.training.memory import warn_once
from skrec.training.program import PREDICT_ROWS, Program, input_structure
from skrec.training.rows import Rows, take_rows
from skrec.training.state import Rates, State
from skrec.training.structure import (
    compile_kwargs,
    dropout_rates,
    sharing_key,
)


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
    memory: Any = None,
) -> None:
    """Train a compiled model in place, by a shared program where there can be one.

    Parameters
    ----------
    model : keras.Model
        The user's model.
    rows : Rows
        Training rows.
    plan : Plan
        How to train; its `rates` are read off the model.
    epoch : int
        Number of epochs trained before.
    observer : Observer
        Told of each epoch.
    validation : Rows or None
        Validation rows.
    callbacks : sequence of keras.callbacks.Callback
        Keras callbacks.
    options : dict
        Arguments of ``Model.fit`` that only ``Model.fit`` can honour.
    memory : str, path or joblib.Memory, default=None
        Where the fit may have been stored, and will be.
    """
    key = None
    if not options and not needs_model_fit(callbacks):
        key = sharing_key(model)
    if key is None:
        if memory is not None:
            warn_once(
                "generic",
                model.name,
                f"The fit of the model {model.name!r} is not stored in memory="
                f"{str(memory)!r}, since it goes through Model.fit: only functional "
                "and Sequential models of layers with a configuration, without "
                "callbacks between batches and further arguments of fit, are stored.",
            )
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
    with _lease(model, key) as program:
        cast = partial(cast_inputs, model)
        rows = replace(rows, prepare=cast)
        if validation is not None:
            validation = replace(validation, prepare=cast)
        watcher = Watcher(model, callbacks) if callbacks else None
        fit = None
        if memory is not None:
            about = [key, optimizer, state.weights, state.optimizer]
            recalls = not observer.needs_weights
            where = program.device
            fit = fit_memory(
                memory, about, rows, validation, plan, callbacks, where, recalls
            )
        state = train(program, state, rows, plan, observer, validation, watcher, fit)
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
    last = _last_used.get(model)
    if last is None or last.compiled is not model._compile_config:
        last = _LastUsed(model._compile_config, sharing_key(model), State([], []))
        _last_used[model] = last
    if last.key is None:
        return _predict_eagerly(model, x)
    state = last.holding(model.get_weights() if weights is None else weights)
    with _lease(model, last.key) as program:
        return program.predict_with(state, x, partial(cast_inputs, model))


@dataclass
class _LastUsed:
    """What the last prediction found out about a model, as far as it still holds.

    As in Keras itself, a layer that is changed takes effect after the next ``compile``.
    """

    compiled: Any
    key: Hashable | None
    state: State

    def holding(self, weights: list[np.ndarray]) -> State:
        """Return the last state, which a program may hold, if these are its weights."""
        state = self.state
        known = state.weights
        if len(known) != len(weights) or not all(map(np.array_equal, known, weights)):
            state = self.state = State(weights, [])
        return state


_last_used: WeakKeyDictionary[keras.Model, _LastUsed] = WeakKeyDictionary()


def _predict_eagerly(model: keras.Model, x: Any) -> Any:
    """Call a model block by block, which needs no graph of its own."""
    blocks = []
    for start in range(0, len(tf.nest.flatten(x)[0]), PREDICT_ROWS):
        rows = slice(start, start + PREDICT_ROWS)
        block = tf.nest.map_structure(lambda a, rows=rows: take_rows(a, rows), x)
        outputs = model(block, training=False)
        blocks.append(tf.nest.map_structure(lambda part: part.numpy(), outputs))
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *blocks)


def _lease(model: keras.Model, key: Hashable) -> AbstractContextManager[Program]:
    device = resolve_device("auto")

    def build() -> Program:
        with tf.device(device):  # where the optimizer's variables belong too
            return Program(model, compile_kwargs(model), device)

    return lease((key, device), build)

"""Training and predicting with a user's own compiled Keras model."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np
import tensorflow as tf

from skrec.training import resolve_device
from skrec.training._fork import refuse_after_fork
from skrec.training._graphs import input_structure
from skrec.training._optimizer_items import ensure_built
from skrec.training._variables import values_of
from skrec.training.cache import PROGRAMS, lease
from skrec.training.fit import Fit, run
from skrec.training.loop import Observer, Plan, needs_model_fit
from skrec.training.memory import warn_once
from skrec.training.predictor import PREDICTORS, Predictor, rows_at_once
from skrec.training.program import Program
from skrec.training.rows import Rows, take_rows
from skrec.training.state import Rates, State
from skrec.training.structure import (
    Sharing,
    compile_kwargs,
    copies_equal,
    dropout_rates,
    network_digest,
    sharing,
    trains_in_graph,
)


def cast_inputs(model: keras.Model, x: Any) -> Any:
    """Bring inputs to the structure and the dtypes that the model takes.

    Parameters
    ----------
    model : keras.Model
        Built model. One that is neither functional nor Sequential says nothing of its
        inputs: they keep their structure.
    x : array, or list, tuple or dict of arrays
        Inputs.

    Returns
    -------
    ndarray, or list, tuple or dict of ndarrays
        The inputs, nested as the model takes them.
    """
    if not getattr(model, "inputs", None):
        return tf.nest.map_structure(as_keras_casts, x)
    inputs = input_structure(model)
    if isinstance(x, Mapping):
        named = [x.get(tensor.name) for tensor in model.inputs]
        if isinstance(inputs, Mapping):
            flat = [x[k] if k in x else x[t.name] for k, t in inputs.items()]
            x = dict(zip(inputs, flat, strict=True))
        else:
            x = keras.tree.pack_sequence_as(inputs, named)
    else:
        x = keras.tree.pack_sequence_as(inputs, keras.tree.flatten(x))
    return keras.tree.map_structure(_as_taken, inputs, x)


def _as_taken(tensor: Any, array: Any) -> np.ndarray:
    """Cast an array, and give it the last axis that Keras would."""
    dtype = None if tensor.dtype == "string" else tensor.dtype
    array = np.asarray(array, dtype=dtype)
    lacks_axis = array.ndim == len(tensor.shape) - 1 and tensor.shape[-1] == 1
    return array[..., None] if lacks_axis else array


def as_keras_casts(array: Any) -> np.ndarray:
    """Bring numbers to the dtype in which ``Model.fit`` feeds them.

    Parameters
    ----------
    array : array-like
        Numbers, or anything else.

    Returns
    -------
    ndarray
        Floats in Keras's default precision, all else as it is.
    """
    array = np.asarray(array)
    return array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array


def _as_keras_feeds(model: keras.Model, rows: Rows) -> Rows:
    """Cast targets, and inputs as they are taken, to what the model computes with."""
    doubles = [t for t in getattr(model, "outputs", None) or [] if t.dtype == "float64"]
    cast = np.asarray if doubles else as_keras_casts
    return replace(
        rows,
        y=tf.nest.map_structure(cast, rows.y),
        weight=cast(rows.weight),
        prepare=partial(cast_inputs, model),
    )


def restorer(model: keras.Model) -> Callable[[], None]:
    """Return what puts a model back to how it is now.

    Parameters
    ----------
    model : keras.Model
        The user's model.

    Returns
    -------
    callable
        Assigns the present values to all that training changes.
    """
    if model.built and model.optimizer is not None:  # as Keras does at its first batch
        ensure_built(model.optimizer, model.trainable_variables)
    variables = [*model.variables, *getattr(model.optimizer, "variables", ())]
    values = values_of(variables)

    def restore() -> None:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    return restore


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
    """Train a compiled model in place, as ``Model.fit`` would.

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
    rows = _as_keras_feeds(model, rows)
    if validation is not None:
        validation = _as_keras_feeds(model, validation)
    by_keras = bool(options or needs_model_fit(callbacks) or not trains_in_graph(model))
    if by_keras and memory is not None:
        _warn_not_stored(model, memory)

    def start(program: Program) -> tuple[State, Plan]:
        if by_keras:  # from what the model is
            return State([], [], epoch), plan
        weights, slots = program.weights_of(model), values_of(model.optimizer.variables)
        rates = dropout_rates(model)
        plan.rates = Rates.of(
            model.optimizer, rates, program.tuned, has_pieces=program.has_pieces
        )
        _first_rows[model] = tf.nest.map_structure(tf.constant, rows.take(slice(1)))
        if callbacks:  # which may ask for the names of the metrics
            with_metrics(model)
        return State(weights, slots, epoch), plan

    def finish(program: Program, state: State) -> None:
        program.load(state)
        program.copy_to(model)

    run(
        Fit(
            lease=lambda: nullcontext() if by_keras else _program_for(model),
            start=start,
            rows=rows,
            validation=validation,
            callbacks=callbacks,
            keras_model=lambda: model,
            observer=observer,
            device=resolve_device("auto"),
            by_keras=by_keras,
            options=options,
            memory=None if by_keras else memory,
            about=lambda state: [network_digest(model), state.weights, state.optimizer],
            finish=finish,
        )
    )


def _warn_not_stored(model: keras.Model, memory: Any) -> None:
    warn_once(
        "generic",
        model.name,
        f"The fit of the model {model.name!r} is not stored in memory="
        f"{str(memory)!r}, since it goes through Model.fit: only functional "
        "and Sequential models that keep no state between batches, without "
        "callbacks between batches and further arguments of fit, are stored.",
    )


def with_metrics(model: keras.Model) -> keras.Model:
    """Let Keras make the metrics of a model, as ``Model.fit`` does at its first batch.

    Parameters
    ----------
    model : keras.Model
        The user's model, which a shared program may have trained.

    Returns
    -------
    keras.Model
        The same.
    """
    row = _first_rows.get(model)
    if row is not None and model._compile_metrics is not None:
        model._symbolic_build(data_batch=row)
    return model


_first_rows: WeakKeyDictionary[keras.Model, Any] = WeakKeyDictionary()


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
    refuse_after_fork()
    if options:
        x = cast_inputs(model, x)
        return model.predict(x=x, **{"verbose": 0, **options})
    known = _sharing.get(model)
    if known is None or known[0] is not model._compile_config:
        known = _sharing[model] = model._compile_config, sharing(model)
    if known[1] is None:
        return _predict_eagerly(model, x, weights)
    device = resolve_device("auto")
    key = known[1].key, device
    predictor = PREDICTORS.get(key, lambda: Predictor(model, device))
    own = model.weights
    given = own if weights is None else weights[: len(own)]
    return predictor.predict(given, x, partial(cast_inputs, model))


# What shares a model's graphs, as far as it still holds. As in Keras itself, a layer
# that is changed takes effect after the next `compile`.
_sharing: WeakKeyDictionary[keras.Model, tuple[Any, Sharing | None]]
_sharing = WeakKeyDictionary()


def _predict_eagerly(
    model: keras.Model, x: Any, weights: list[np.ndarray] | None
) -> Any:
    """Call a model block by block, which needs no graph of its own."""
    if weights is not None:
        program = Program.around(model, resolve_device("auto"))
        now = program.get_weights()
        program.set_weights(weights)
        try:
            return _predict_eagerly(model, x, None)
        finally:
            program.set_weights(now)
    blocks, size = [], rows_at_once(model)
    for start in range(0, len(tf.nest.flatten(x)[0]), size):
        rows = slice(start, start + size)
        block = tf.nest.map_structure(lambda a, rows=rows: take_rows(a, rows), x)
        with tf.device(resolve_device("auto")):
            outputs = model(cast_inputs(model, block), training=False)
        blocks.append(tf.nest.map_structure(np.asarray, outputs))
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *blocks)


# ---- programs ----------------------------------------------------------------------


class _CopyDiffersError(Exception):
    """A model's copy, made from configurations, would not compute the same."""


_not_copied: set[Hashable] = set()


@contextmanager
def _program_for(model: keras.Model) -> Iterator[Program]:
    """Lease a program that trains models like this one, or make one for it alone."""
    shared = sharing(model)
    device = resolve_device("auto")
    with ExitStack() as stack:
        program = None
        if shared is not None and shared.key not in _not_copied:
            try:
                program = stack.enter_context(_lease(model, shared, device))
            except _CopyDiffersError:
                _not_copied.add(shared.key)
        if program is None:
            program = Program.around(model, device)
            stack.enter_context(PROGRAMS.counted(program))
        yield program


def _lease(
    model: keras.Model, shared: Sharing, device: str
) -> AbstractContextManager[Program]:
    def is_current(program: Program) -> bool:
        return copies_equal(program.model, shared.key)

    def build() -> Program:
        try:
            with tf.device(device):  # where the optimizer's variables belong too
                program = Program(model, compile_kwargs(model), device, as_keras=True)
        except Exception as error:  # such as a class that Keras cannot find by its name
            raise _CopyDiffersError from error
        if not is_current(program):
            raise _CopyDiffersError
        return program

    # What an own loss reads of its module may have changed by the next lease.
    check = is_current if shared.has_own_code else None
    return lease((shared.key, device), build, check)

"""One fit: lease a program, look for what is stored, train in its graph or by Keras."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from skrec.training.fit_key import fit_memory
from skrec.training.keras_fit import train_with_keras
from skrec.training.loop import Observer, Plan, Watcher, train
from skrec.training.program import Program
from skrec.training.rows import Rows
from skrec.training.state import State


def _nothing(*args: Any) -> None:
    """Do nothing."""


@dataclass
class Fit:
    """All that a fit needs.

    Parameters
    ----------
    lease : callable
        Returns a context manager of the program that is to train, if one is needed.
    start : callable
        Given the program, returns the state to start from, and how to train.
    rows : Rows
        Rows to train on.
    validation : Rows or None
        Rows to score after each epoch.
    callbacks : sequence of keras.callbacks.Callback
        Keras callbacks.
    keras_model : callable
        Returns the compiled model on which callbacks act, and which Keras trains.
    observer : Observer
        Told of each epoch; may stop training.
    device : str
        TensorFlow device to train on.
    by_keras : bool, default=False
        Whether ``Model.fit`` is to train, which alone can do all that callbacks ask.
    options : dict
        Arguments of ``Model.fit``, in that case.
    memory : str, path, joblib.Memory or None, default=None
        Where the fit may have been stored, and will be; not where Keras trains.
    about : callable
        Given the state to start from, returns what the result depends on beside rows,
        plan and callbacks.
    finish : callable
        Called with the program and the last state, before the program is given back.
    """

    lease: Callable[[], AbstractContextManager[Any]]
    start: Callable[[Program], tuple[State, Plan]]
    rows: Rows
    validation: Rows | None
    callbacks: Sequence[keras.callbacks.Callback]
    keras_model: Callable[[], keras.Model]
    observer: Observer
    device: str
    by_keras: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    memory: Any = None
    about: Callable[[State], Any] = _nothing
    finish: Callable[[Program, State], None] = _nothing


def run(fit: Fit) -> State:
    """Train.

    Parameters
    ----------
    fit : Fit
        What to train, and on what.

    Returns
    -------
    State
        The state to keep.
    """
    rows, validation = fit.rows, fit.validation
    with fit.lease() as program:
        state, plan = fit.start(program)
        memory = None
        if fit.memory is not None:  # which may warn that it cannot know the fit again
            memory = fit_memory(
                fit.memory,
                lambda: fit.about(state),
                rows,
                validation,
                plan,
                fit.callbacks,
                fit.device,
                recalls=not fit.observer.needs_weights,
            )
        if fit.by_keras:
            with tf.device(fit.device):
                model = fit.keras_model()
                return train_with_keras(
                    model,
                    state,
                    rows,
                    plan,
                    fit.observer,
                    validation,
                    fit.callbacks,
                    **fit.options,
                )
        watcher = Watcher(fit.keras_model(), fit.callbacks) if fit.callbacks else None
        state = train(
            program, state, rows, plan, fit.observer, validation, watcher, memory
        )
        fit.finish(program, state)
        return state

"""Ctrl-C, at any moment of a fit, leaves the estimator as it was, and comes soon."""

import signal

import keras
import numpy as np
import pytest

from skrec import KerasRegressor, MLPRegressor
from skrec.training import _pace, cache_clear, cache_info
from skrec.training._pace import Pace
from skrec.training.program import Program

X = np.random.default_rng(0).normal(size=(60, 4)).astype("f4")
Y = X[:, 0] * 2 + 1


def net():
    dense = keras.layers.Dense
    return keras.Sequential([keras.Input((4,)), dense(6, "tanh"), dense(1)])


class Quiet(keras.callbacks.Callback):
    """Acts at the end of an epoch, and does nothing."""

    def on_epoch_end(self, epoch, logs=None):
        pass


class InterruptedAtTheEnd:
    """A callback of scikit-learn's that fails after all else is done."""

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        raise KeyboardInterrupt


def generic(**params):
    given = {"optimizer": "adam", "epochs": 2, "batch_size": 10, "random_state": 0}
    return KerasRegressor(net, loss="mse", verbose=0, **given, **params)


def named(**params):
    return MLPRegressor(6, epochs=2, batch_size=10, random_state=0, **params)


def everything(estimator):
    """Return all that predictions, and a further fit, would go on from."""
    model = estimator.model_
    slots = [np.asarray(variable) for variable in model.optimizer.variables]
    if isinstance(estimator, MLPRegressor):
        slots = estimator._state.optimizer
    arrays = [*model.get_weights(), *slots, estimator.predict(X)]
    epochs = getattr(estimator, "n_iter_", getattr(estimator, "current_epoch", None))
    history = {name: list(values) for name, values in estimator.history_.items()}
    return [array.tobytes() for array in arrays], history, epochs


def between_two_calls(monkeypatch, estimator):
    calls, n_done = Pace.calls, []

    def interrupted(pace, kind, n_steps):
        for steps in calls(pace, kind, n_steps):
            n_done.append(steps)
            if len(n_done) == 9:  # in the second epoch
                raise KeyboardInterrupt
            yield steps

    monkeypatch.setattr(Pace, "calls", interrupted)
    monkeypatch.setattr(_pace, "CALL_SECONDS", 0.0)


def in_the_copy_back(monkeypatch, estimator):
    def half_written(program, model):
        for variable in [model.weights[0], *model.optimizer.variables]:
            variable.assign(variable + 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(Program, "copy_to", half_written)


def after_all_is_done(monkeypatch, estimator):
    estimator.set_callbacks(InterruptedAtTheEnd())


MOMENTS = (between_two_calls, in_the_copy_back, after_all_is_done)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("make", [named, generic])
def test_an_interrupted_fit_changes_nothing(make, moment, monkeypatch):
    estimator = make(warm_start=True, callbacks=[Quiet()]).fit(X, Y)
    before = everything(estimator)
    with monkeypatch.context() as patch:
        moment(patch, estimator)
        with pytest.raises(KeyboardInterrupt):
            estimator.fit(X, 5 - Y)
    assert everything(estimator) == before
    estimator.set_callbacks()
    twin = make(warm_start=True, callbacks=[Quiet()]).fit(X, Y)
    assert everything(estimator.fit(X, Y)) == everything(twin.fit(X, Y))


@pytest.mark.parametrize("make", [named, generic])
def test_an_interrupted_part_of_a_stream_changes_nothing(make, monkeypatch):
    estimator = make().partial_fit(X, Y)
    before = everything(estimator)
    with monkeypatch.context() as patch:
        patch.setattr(Pace, "calls", interrupted_at_once)
        with pytest.raises(KeyboardInterrupt):
            estimator.partial_fit(X, 5 - Y)
    assert everything(estimator) == before


def interrupted_at_once(pace, kind, n_steps):
    yield slice(0, 2)
    raise KeyboardInterrupt


def test_an_interrupted_first_part_leaves_the_optimizer_unused(monkeypatch):
    estimator, twin = generic().initialize(X, Y), generic().initialize(X, Y)
    with monkeypatch.context() as patch:
        in_the_copy_back(patch, estimator)
        with pytest.raises(KeyboardInterrupt):
            estimator.partial_fit(X, Y)
    found, expected = estimator.partial_fit(X, Y), twin.partial_fit(X, Y)
    assert everything(found) == everything(expected)


def test_a_program_is_dropped_that_was_interrupted(monkeypatch):
    cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(Pace, "calls", interrupted_at_once)
        with pytest.raises(KeyboardInterrupt):
            named().fit(X, Y)
    assert cache_info().currsize == 0
    assert everything(named().fit(X, Y)) == everything(named().fit(X, Y))


@pytest.mark.parametrize("make", [named, generic])
def test_a_signal_is_heard_before_the_end_of_an_epoch(make, monkeypatch):
    make().fit(X, Y)  # what is traced is traced
    calls, n_done = Pace.calls, []

    def counted(pace, kind, n_steps):
        for steps in calls(pace, kind, n_steps):
            n_done.append(steps)
            if len(n_done) == 20:
                signal.setitimer(signal.ITIMER_REAL, 1e-3)
            yield steps

    def interrupt(number, frame):
        raise KeyboardInterrupt

    monkeypatch.setattr(Pace, "calls", counted)
    monkeypatch.setattr(_pace, "CALL_SECONDS", 0.0)
    before = signal.signal(signal.SIGALRM, interrupt)
    many = np.repeat(X, 2000, axis=0)
    try:
        with pytest.raises(KeyboardInterrupt):
            make().fit(many, many[:, 0])
    finally:
        signal.signal(signal.SIGALRM, before)
    assert 20 <= len(n_done) < len(many) // 10

"""The loop does between epochs what ``Model.fit`` does, and so does the fallback."""

import keras
import numpy as np
import pytest

from skrec.networks import Network, build_mlp
from skrec.training import make_optimizer
from skrec.training.keras_fit import train_with_keras
from skrec.training.loop import Plan, Watcher, needs_model_fit, train
from skrec.training.program import Program
from skrec.training.rows import Data, Rows
from skrec.training.state import Rates, State
from tests.night import by_day

NETWORK = Network.of(build_mlp, input_shape=(5,), n_outputs=3, units=(8,))
RNG = np.random.default_rng(0)
RULE = RNG.normal(size=(5, 3))


def make_rows(n_rows):
    x = RNG.normal(size=(n_rows, 5)).astype("float32")
    noise = RNG.normal(size=(n_rows, 3))
    y = (x @ RULE + noise).argmax(axis=1).astype("int32")
    return x, y, RNG.uniform(0.5, 1.5, size=n_rows).astype("float32")


TRAIN, VALIDATION = make_rows(50), make_rows(30)
TRAIN_ROWS, VALIDATION_ROWS = Rows(*TRAIN), Rows(*VALIDATION)


def make_model(dropout=0.0, l2=0.0, learning_rate=0.01, seed=3):
    """Return a compiled model; the same seed gives the same weights."""
    model = NETWORK.build(dropout=dropout, l2=l2)
    for number, weight in enumerate(model.weights):
        if weight.name == "kernel":
            rng = np.random.default_rng([seed, number])
            weight.assign(rng.normal(scale=0.4, size=weight.shape))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(make_optimizer("adam", learning_rate), loss, jit_compile=False)
    return model


@pytest.fixture(scope="module")
def program():
    kwargs = {"optimizer": make_optimizer("adam", 0.01), "loss": make_model().loss}
    return Program(NETWORK.build(), kwargs, "/CPU:0")


class Recorder:
    """An observer that keeps what it is told, and stops after some epochs."""

    def __init__(self, stop_after=None):
        self.logs, self.weights, self.stop_after = [], [], stop_after
        self.n_begun = 0

    needs_weights = False

    def epoch_begin(self):
        self.n_begun += 1

    def epoch_end(self, logs, weights):
        self.logs.append(dict(logs))
        self.weights.append(weights())
        return len(self.logs) == self.stop_after

    def curve(self, name):
        return [logs[name] for logs in self.logs]


def make_plan(program, **kwargs):
    defaults = {
        "seed": 0,
        "epochs": 6,
        "batch_size": 16,
        "learning_rate": 0.01,
        "rates": Rates.of(program.optimizer, {"dropout": 0.0}, program.tuned),
    }
    return Plan(**{**defaults, **kwargs})


def in_loop(
    program, plan, callbacks=(), validation=VALIDATION, recorder=None, state=None
):
    recorder = recorder or Recorder()
    model = make_model()
    state = state or State(model.get_weights(), program.untrained_optimizer)
    final = train(
        program,
        state,
        TRAIN_ROWS,
        plan,
        recorder,
        Rows(*validation) if validation else None,
        Watcher(model, callbacks) if callbacks else None,
    )
    return final, recorder


def in_fallback(
    program,
    plan,
    callbacks=(),
    validation=VALIDATION_ROWS,
    recorder=None,
    **model_params,
):
    recorder = recorder or Recorder()
    model = make_model(**model_params)
    state = State(model.get_weights(), program.untrained_optimizer)
    final = train_with_keras(
        model, state, TRAIN_ROWS, plan, recorder, validation, list(callbacks)
    )
    return final, recorder


def in_keras(epochs, callbacks):
    """Train by ``Model.fit`` alone, rows in their order."""
    model = make_model()
    model.run_eagerly = True  # a trace would take longer
    x, y, weight = TRAIN
    history = model.fit(
        x,
        y,
        sample_weight=weight,
        batch_size=16,
        shuffle=False,
        epochs=epochs,
        validation_data=VALIDATION,
        validation_batch_size=16,
        callbacks=callbacks,
        verbose=0,
    )
    return model.get_weights(), history.history


def assert_same_weights(ours, theirs, atol=2e-6):
    for left, right in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(left, right, atol=atol)


# ---- Keras callbacks -----------------------------------------------------------------


class SetWeights(keras.callbacks.Callback):
    """Halves all weights at the end of the second epoch and begin of the fourth."""

    def _halve(self):
        self.model.set_weights([0.5 * array for array in self.model.get_weights()])

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self._halve()

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            self._halve()


class StopAtThird(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 2


class ResetAtTheEnd(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.start = self.model.get_weights()

    def on_train_end(self, logs=None):
        self.model.set_weights(self.start)


CALLBACKS = {
    "none": lambda: [],
    "early_stopping": lambda: [
        keras.callbacks.EarlyStopping(
            "val_loss", patience=1, min_delta=0.1, restore_best_weights=True
        )
    ],
    "reduce_on_plateau": lambda: [
        keras.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=0.2)
    ],
    "scheduler": lambda: [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    ],
    "set_weights": lambda: [SetWeights()],
    "stop_training": lambda: [StopAtThird()],
    "reset_at_the_end": lambda: [ResetAtTheEnd()],
}


@pytest.mark.parametrize(
    "name", by_day(CALLBACKS, "scheduler", "early_stopping", "stop_training")
)
def test_callbacks_do_what_they_do_in_model_fit(program, name):
    plan = make_plan(program, shuffle=False)
    final, recorder = in_loop(program, plan, CALLBACKS[name]())
    expected, history = in_keras(6, CALLBACKS[name]())
    assert len(recorder.logs) == len(history["loss"])
    assert_same_weights(final.weights, expected)
    for key in ("loss", "val_loss"):
        np.testing.assert_allclose(recorder.curve(key), history[key], atol=1e-5)
    if name in ("early_stopping", "stop_training"):
        assert len(recorder.logs) < 6


@pytest.mark.parametrize(
    "name", by_day(["none", "set_weights", "scheduler"], "set_weights")
)
def test_the_fallback_does_what_model_fit_does(program, name):
    plan = make_plan(program, shuffle=False)
    final, recorder = in_fallback(program, plan, CALLBACKS[name]())
    expected, history = in_keras(6, CALLBACKS[name]())
    assert_same_weights(final.weights, expected)
    np.testing.assert_allclose(recorder.curve("loss"), history["loss"], atol=1e-5)


def test_a_callback_sees_the_weights_losses_and_sizes_of_training(program):
    seen = {}

    class Spy(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen["params"] = dict(self.params)

        def on_epoch_end(self, epoch, logs=None):
            seen[epoch] = (dict(logs), self.model.get_weights())

    _, recorder = in_loop(program, make_plan(program, epochs=2), [Spy()])
    assert (seen["params"]["epochs"], seen["params"]["steps"]) == (2, 4)
    for epoch in range(2):
        logs, weights = seen[epoch]
        assert logs == recorder.logs[epoch]
        assert_same_weights(weights, recorder.weights[epoch], atol=0)


def test_what_a_callback_adds_to_the_logs_is_in_the_history(program):
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(noted=float(epoch))
    )
    _, recorder = in_loop(program, make_plan(program, epochs=2), [note])
    assert recorder.curve("noted") == [0.0, 1.0]


# ---- early stopping ------------------------------------------------------------------


def validation_loss(program, weights):
    program.load(State(weights, program.untrained_optimizer))
    return program.evaluate(Data.of(*VALIDATION, "/CPU:0"), 16)["loss"]


@pytest.mark.parametrize("run", [in_loop, in_fallback])
@pytest.mark.parametrize("callbacks", by_day(["none", "scheduler"], "scheduler"))
def test_patience_stops_and_restores_the_best_epoch(program, run, callbacks):
    plan = make_plan(program, epochs=40, patience=2, learning_rate=0.05)
    final, recorder = run(program, plan, CALLBACKS[callbacks]())
    losses = recorder.curve("val_loss")
    best = int(np.argmin(losses))
    assert best > 0
    assert len(losses) == best + 1 + 2 < 40
    assert validation_loss(program, final.weights) == pytest.approx(
        min(losses), abs=1e-6
    )
    assert_same_weights(final.weights, recorder.weights[best], atol=0)


def test_an_observer_stops_training(program):
    final, recorder = in_loop(program, make_plan(program), recorder=Recorder(2))
    assert len(recorder.logs) == recorder.n_begun == final.epoch == 2
    fallback, recorder = in_fallback(program, make_plan(program), recorder=Recorder(2))
    assert len(recorder.logs) == recorder.n_begun == fallback.epoch == 2
    assert_same_weights(final.weights, fallback.weights)


# ---- the fallback is the loop --------------------------------------------------------


@pytest.mark.parametrize(
    ("plan_params", "dropout", "l2"),
    [
        pytest.param({}, 0.0, 0.0, marks=pytest.mark.nightly),
        ({}, 0.4, 0.0),
        ({}, 0.0, 0.05),
        ({"schedule": "cosine"}, 0.0, 0.0),
        pytest.param({"schedule": "exponential"}, 0.0, 0.0, marks=pytest.mark.nightly),
        ({"schedule": lambda epoch, rate: rate / (1 + epoch)}, 0.0, 0.0),
    ],
)
def test_the_fallback_gives_what_the_loop_gives(program, plan_params, dropout, l2):
    values = {"dropout": dropout, "l2": l2}
    rates = Rates.of(program.optimizer, values, program.tuned)
    plan = make_plan(program, epochs=3, rates=rates, **plan_params)
    loop, in_graph = in_loop(program, plan)
    fallback, by_keras = in_fallback(program, plan, dropout=dropout, l2=l2)
    assert_same_weights(loop.weights, fallback.weights)
    for key in ("loss", "val_loss"):
        np.testing.assert_allclose(in_graph.curve(key), by_keras.curve(key), atol=1e-5)


@pytest.mark.parametrize("schedule", [None, "cosine"])
def test_schedule_and_scheduler_combine_alike_in_both(program, schedule):
    plan = make_plan(program, epochs=3, schedule=schedule)
    loop, _ = in_loop(program, plan, CALLBACKS["scheduler"]())
    fallback, _ = in_fallback(program, plan, CALLBACKS["scheduler"]())
    assert_same_weights(loop.weights, fallback.weights)


def test_training_in_two_parts_is_training_at_once(program):
    whole, _ = in_loop(program, make_plan(program, epochs=4))
    half, _ = in_loop(program, make_plan(program, epochs=2))
    rest, _ = in_loop(program, make_plan(program, epochs=2), state=half)
    assert rest.epoch == whole.epoch == 4
    for ours, theirs in zip(rest.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Batchwise(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


@pytest.mark.parametrize(
    ("callback", "needed"),
    [
        (Batchwise(), True),
        (keras.callbacks.LambdaCallback(on_train_batch_end=print), True),
        (keras.callbacks.TensorBoard(), True),
        (keras.callbacks.LambdaCallback(on_epoch_end=print), False),
        (keras.callbacks.EarlyStopping(), False),
        (keras.callbacks.ReduceLROnPlateau(), False),
        (keras.callbacks.LearningRateScheduler(print), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_callbacks_between_batches_need_model_fit(callback, needed):
    assert needs_model_fit([callback]) is needed


def test_a_callback_between_batches_sees_each_batch(program):
    seen = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    in_fallback(program, make_plan(program, epochs=2), [Count()])
    assert seen == [0, 1, 2, 3] * 2


# ---- divergence and order ------------------------------------------------------------


@pytest.mark.parametrize("run", [in_loop, in_fallback])
def test_a_loss_that_is_no_number_raises_and_says_what_to_lower(program, run):
    plan = make_plan(program, schedule=lambda epoch, rate: np.nan)
    with pytest.raises(FloatingPointError, match=r"epoch 1.*Lower learning_rate"):
        run(program, plan)


def test_each_epoch_has_an_order_of_its_own_from_the_seed(program):
    curves = {}
    for seed, shuffle in [(0, True), (1, True), (0, False)]:
        plan = make_plan(program, epochs=2, seed=seed, shuffle=shuffle)
        final, _ = in_loop(program, plan)
        again, _ = in_loop(program, plan)
        np.testing.assert_array_equal(final.weights[0], again.weights[0])
        curves[seed, shuffle] = final.weights[0]
    for one, other in [((0, True), (1, True)), ((0, True), (0, False))]:
        assert np.abs(curves[one] - curves[other]).max() > 1e-5

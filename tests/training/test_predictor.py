"""Predicting writes nothing: one graph and one set of weights for all threads."""

import copy
import gc
import pickle
import subprocess
import sys
import textwrap
import threading

import keras
import numpy as np
import pytest

from skrec import KerasClassifier, MLPClassifier
from skrec.networks import build_mlp
from skrec.training import cache_clear, cache_info, cache_limit, predictor
from skrec.training.predictor import PREDICTORS, Predictor, rows_at_once
from skrec.training.program import Program
from tests.estimators.generic_models import build

X = np.random.default_rng(0).normal(size=(90, 6)).astype("f4")
Y = (X[:, 0] > 0).astype(int)


def fitted(seed=0):
    return MLPClassifier((8, 5), epochs=2, random_state=seed).fit(X, Y)


def generic():
    estimator = KerasClassifier(
        build, loss="sparse_categorical_crossentropy", random_state=0, verbose=0
    )
    return estimator.fit(X, Y)


@pytest.mark.parametrize("make", [fitted, generic])
def test_threads_share_a_graph_and_no_program(make, monkeypatch):
    estimator = make()
    expected = estimator.predict_proba(X)
    cache_clear()
    built, init = [], Predictor.__init__

    def counted(self, *args):
        built.append(self)
        init(self, *args)

    monkeypatch.setattr(Predictor, "__init__", counted)
    start, found = threading.Barrier(8), []

    def work():
        start.wait()
        found.append(estimator.predict_proba(X))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for proba in found:
        np.testing.assert_array_equal(proba, expected)
    assert len(built) == 1
    assert len(PREDICTORS._held) == (make is fitted)
    assert cache_info()[:5] == (0, 0, 32, 0, 0)


def test_the_weights_are_in_memory_once_and_as_long_as_the_estimator():
    cache_clear()
    estimator = fitted()
    expected = estimator.predict_proba(X)
    tensors = PREDICTORS.weights(estimator._state, "/CPU:0")
    for tensor, weight in zip(tensors, estimator._state.weights, strict=True):
        assert np.shares_memory(np.asarray(tensor), weight)
    twin = copy.deepcopy(estimator)
    np.testing.assert_array_equal(twin.predict_proba(X), expected)
    assert len(PREDICTORS._held) == 2
    del estimator, tensors, tensor, weight
    gc.collect()
    assert len(PREDICTORS._held) == 1
    np.testing.assert_array_equal(twin.predict_proba(X), expected)
    assert np.abs(twin.partial_fit(X, Y).predict_proba(X) - expected).max() > 0


@pytest.mark.nightly
def test_no_more_weights_are_kept_than_the_limit_says():
    cache_clear()
    many = [fitted(seed) for seed in range(3)]
    expected = [estimator.predict_proba(X) for estimator in many]
    assert len(PREDICTORS._held) == 3
    try:
        cache_limit(0)
        assert len(PREDICTORS._held) == 1
        for _ in range(2):
            for estimator, proba in zip(many, expected, strict=True):
                np.testing.assert_array_equal(estimator.predict_proba(X), proba)
                assert len(PREDICTORS._held) == 1
        assert fitted().predict_proba(X).tobytes() == expected[0].tobytes()
        assert cache_info().currsize == 0
    finally:
        cache_limit(2**28)


def test_a_fit_and_its_score_trace_the_network_once_each(monkeypatch):
    cache_clear()
    built, init = [], Predictor.__init__

    def counted(self, *args):
        built.append(self)
        init(self, *args)

    monkeypatch.setattr(Predictor, "__init__", counted)
    for seed in range(3):
        stops = MLPClassifier(4, epochs=2, early_stopping=True, random_state=seed)
        stops.fit(X, Y).score(X, Y)
    assert len(built) == 1  # for the scores of validation too
    assert cache_info().traces == 1


def test_a_program_holds_its_weights_and_slots_and_no_copies():
    model = build_mlp(input_shape=(6,), n_outputs=1, units=(50,))
    n_weights = model.count_params()
    compiled = {"optimizer": keras.optimizers.Adagrad(0.1), "loss": "mse"}
    program = Program(model, compiled, "/CPU:0")
    assert program.n_bytes == pytest.approx(4 * 2 * n_weights, rel=0.01)
    state = program.initial_state(3)
    assert (state.optimizer[-1] == 0.1).all()
    assert [w.shape for w in state.weights] == [tuple(w.shape) for w in model.weights]
    assert np.ptp(state.weights[0]) > 0
    program.release()
    assert program.get_weights()[0].size == 0


def test_a_pickle_predicts_without_a_program():
    estimator = pickle.loads(pickle.dumps(fitted()))
    cache_clear()
    estimator.predict(X)
    assert cache_info().currsize == cache_info().misses == 0


# ---- rows at once ------------------------------------------------------------------


def network(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers])


def test_rows_are_as_many_as_inputs_and_outputs_of_layers_allow():
    layers = keras.layers
    small = network((20,), layers.Dense(64), layers.Dense(1))
    assert rows_at_once(small) == 3072
    wide = network((2000, 4), layers.Conv1D(64, 3), layers.GlobalMaxPooling1D())
    assert rows_at_once(wide) == 96
    assert rows_at_once(network((2000, 4), layers.GlobalMaxPooling1D())) == 384
    inputs = keras.Input((2000, 4))
    assert rows_at_once(keras.Model(inputs, wide(inputs) + 1.0)) == 96
    assert rows_at_once(network((30000,), layers.Dense(8))) == 96


def test_predictions_do_not_depend_on_the_rows_at_once(monkeypatch):
    many = np.concatenate([X] * 60)
    model = network((6,), keras.layers.Dense(300, "tanh"), keras.layers.Dense(3))

    def predicted():
        return Predictor(model, "/CPU:0").predict(model.weights, many)

    whole = predicted()
    monkeypatch.setattr(predictor, "PREDICT_BYTES", 300 * 8 * 100)
    assert rows_at_once(model) == 96
    np.testing.assert_array_equal(predicted(), whole)


def test_inputs_in_a_tuple_take_the_graph_of_those_in_a_list():
    left, right = keras.Input((2,)), keras.Input((4,))
    model = keras.Model([left, right], keras.layers.Dense(1)(left) + right)
    own = Predictor(model, "/CPU:0")
    expected = own.predict(model.weights, [X[:, :2], X[:, 2:]])
    found = own.predict(model.weights, (X[:, :2], X[:, 2:]))
    np.testing.assert_array_equal(found, expected)
    named = {"left": X[:, :2], "right": X[:, 2:]}
    for wrong in (named, (X[:, :2], X[:, 2:], X)):
        with pytest.raises(TypeError, match=r"[Cc]an not cast|binding"):
            own.predict(model.weights, wrong)


# ---- memory ------------------------------------------------------------------------

# TensorFlow's allocator for oneDNN gives nothing back to the system, which would hide
# what this package keeps.
KEPT = """
    import gc, os, threading
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    import numpy as np
    from skrec import MLPClassifier

    def resident():
        pages = open("/proc/self/statm").read().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE") / 2**20

    X = np.random.default_rng(0).normal(size=(128, 1000)).astype("f4")
    y = np.arange(128) % 2

    def fit(units):
        model = MLPClassifier(units, epochs=1, batch_size=64, random_state=0)
        return model.fit(X, y)

    fit(8).predict(X)
    before = resident()
    for k in range(4):
        fit(9600 + k).predict(X)
    gc.collect()
    print(resident() - before)
    model = fit(5200)
    model.predict(X)
    before = resident()
    work = lambda: [model.predict(X) for _ in range(5)]
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(resident() - before)
"""


@pytest.mark.nightly
def test_large_models_leave_what_the_limit_says_and_threads_add_nothing():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KEPT)],
        capture_output=True,
        text=True,
        check=True,
    )
    left, added = map(float, done.stdout.split())
    assert left < 256 + 100  # of 4 models with 37 MB of weights and 73 MB of slots each
    assert added < 100  # of 8 threads, with a model of 20 MB

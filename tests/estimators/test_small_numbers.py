"""Bytes, booleans and half precision give what floats give, in their own memory."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

import skrec.training.rows
from skrec import (
    CNNClassifier,
    CNNRegressor,
    FMClassifier,
    KerasClassifier,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
)
from skrec.preprocessing import FieldEncoder
from skrec.training.rows import Rows
from tests.fresh import run_fresh
from tests.night import by_day

RNG = np.random.default_rng(0)
N_ROWS = 60
Y = np.arange(N_ROWS) % 2
SMALL = {"epochs": 2, "random_state": 0, "batch_size": 16}
CASES = {
    "mlp": (MLPClassifier(4, **SMALL), (7,)),
    "mlp-log": (MLPRegressor(4, standardize="log", **SMALL), (7,)),
    "mlp-quantile": (MLPClassifier(4, standardize="quantile", **SMALL), (7,)),
    "mlp-as-they-are": (MLPClassifier(4, standardize=False, **SMALL), (7,)),
    "mlp-images": (MLPClassifier(4, early_stopping=True, **SMALL), (4, 4, 3)),
    "fm": (FMClassifier(**SMALL), (7,)),
    "cnn": (CNNClassifier(3, units=4, **SMALL), (4, 4, 3)),
    "cnn-as-they-are": (CNNRegressor(3, units=4, standardize=False, **SMALL), (6, 3)),
    "rnn": (RNNClassifier(units=4, padding="front", **SMALL), (6, 3)),
}


def numbers(shape, dtype):
    X = RNG.integers(0, 200, size=(N_ROWS, *shape))
    if dtype == "bool":
        return X > 100
    X[:20, :2] = 0
    return X.astype(dtype)


def results(estimator, X):
    estimator.fit(X, Y)
    outputs = getattr(estimator, "predict_proba", estimator.predict)(X)
    return outputs, estimator.model_.get_weights()


@pytest.fixture
def small_blocks(monkeypatch):
    """Prepare a few rows at a time."""
    monkeypatch.setattr(skrec.training.rows, "PREPARED_BYTES", 7 * 8 * 48)


@pytest.mark.parametrize(
    ("name", "dtype"),
    by_day(
        [pytest.param(name, "uint8", id=name) for name in CASES]
        + [
            pytest.param(name, dtype, id=f"{name} {dtype}")
            for name in ("mlp", "cnn")
            for dtype in ("bool", "float16", "int64")
        ],
        *("mlp", "mlp-log", "mlp-images", "cnn", "rnn", "mlp bool", "cnn float16"),
    ),
)
def test_small_numbers_give_the_bits_of_floats(name, dtype, small_blocks):
    estimator, shape = CASES[name]
    X = numbers(shape, dtype)
    outputs, weights = results(estimator, X)
    expected, expected_weights = results(estimator, X.astype(np.float64))
    assert_array_equal(outputs, expected)
    for ours, theirs in zip(weights, expected_weights, strict=True):
        assert_array_equal(ours, theirs)
    if name in ("mlp", "cnn"):
        single, _ = results(estimator, X.astype(np.float32))
        assert_allclose(outputs, single, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", by_day(["uint8", "bool", "int64"], "uint8"))
def test_sparse_ones_too(dtype):
    X = numbers((7,), dtype)
    for estimator in (MLPClassifier(4, **SMALL), FMClassifier(**SMALL)):
        outputs, _ = results(estimator, sparse.csr_array(X))
        expected, _ = results(estimator, sparse.csr_array(X.astype(np.float64)))
        assert_array_equal(outputs, expected)


@pytest.mark.parametrize("dtype", by_day(["uint8", "bool", "float16"], "uint8"))
def test_the_users_own_network_too(dtype):
    def build():
        return keras.Sequential([keras.Input((7,)), keras.layers.Dense(2, "softmax")])

    options = {**SMALL, "loss": "sparse_categorical_crossentropy", "verbose": 0}
    X = numbers((7,), dtype)
    outputs, _ = results(KerasClassifier(build, **options), X)
    expected, _ = results(KerasClassifier(build, **options), X.astype(np.float32))
    assert_array_equal(outputs, expected)


@pytest.mark.parametrize("kind", ["uint8", "bool", "float16", "float32", "float64"])
def test_estimators_keep_the_array_that_they_are_given(kind):
    for shape, estimator in (((7,), MLPClassifier()), ((4, 4, 3), CNNClassifier())):
        X = numbers(shape, kind)
        checked, _ = estimator._checked(X, Y, reset=True)
        inputs = estimator._new_inputs(checked).learn(checked, None, np.ones(N_ROWS))
        assert np.shares_memory(X, inputs)
        assert inputs.dtype == X.dtype


def test_an_encoder_reads_an_array_of_integers_as_numbers():
    X = numbers((5,), "uint8")
    ours = FieldEncoder().fit(X).transform(X)["numbers"]
    assert_array_equal(ours, FieldEncoder().fit_transform(X.astype(float))["numbers"])


@pytest.mark.parametrize("size", [1, 100, 10**9])
@pytest.mark.parametrize("index", [None, np.arange(N_ROWS)[::-3]])
def test_rows_are_prepared_a_few_at_a_time(size, index, monkeypatch):
    monkeypatch.setattr(skrec.training.rows, "PREPARED_BYTES", size)
    seen = []

    def prepare(x):
        seen.append(len(x["a"]))
        return {"both": np.hstack([x["a"], x["b"]]).astype("float32"), "a": x["a"]}

    arrays = {"a": numbers((3,), "uint8"), "b": sparse.csr_array(numbers((2,), "int8"))}
    rows = Rows(arrays, Y, np.ones(N_ROWS), prepare, index)
    x, y, weight = rows.take()
    kept = slice(None) if index is None else index
    whole = np.hstack([arrays["a"], arrays["b"].toarray()])[kept]
    assert_array_equal(x["both"], whole)
    assert_array_equal(x["a"], arrays["a"][kept])
    assert x["both"].dtype == np.float32
    assert len(y) == len(weight) == len(rows) == sum(seen)
    assert max(seen) <= max(1, size // (8 * 5))


def test_half_precision_that_is_not_finite_is_found_block_by_block(monkeypatch):
    monkeypatch.setattr("skrec.preprocessing._finite.BLOCK_BYTES", 10 * 7 * 2)
    X = numbers((7,), "float16")
    X[33, 4] = X[41, 2] = np.nan
    message = r"contains NaN(.|\n)*first of 2 such values is in row 33, column 4"
    with pytest.raises(ValueError, match=message):
        CNNClassifier(**SMALL).fit(X, Y)


# ---- memory --------------------------------------------------------------------------

GROWTH = """
import sys, threading
import keras
import numpy as np
from skrec import CNNClassifier, KerasClassifier, MLPClassifier

def net():
    layers = [keras.Input((16, 16, 3)), keras.layers.Flatten()]
    return keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])

options = {"epochs": 1, "batch_size": 256, "random_state": 0}
estimator = {
    "cnn": CNNClassifier(2, units=2, **options),
    "mlp": MLPClassifier(2, **options),
    "keras": KerasClassifier(net, loss="binary_crossentropy", verbose=0, **options),
}[sys.argv[1]]
shape = (130_000, 16, 16, 3)
X = np.empty(shape, "uint8")
if len(sys.argv) > 2:
    X = np.memmap(sys.argv[2], "uint8", "w+", shape=shape)
X[:] = np.random.default_rng(0).integers(0, 99, size=shape[1:], dtype="uint8")
if len(sys.argv) > 2:
    X.flush()
    X = np.memmap(sys.argv[2], "uint8", "r", shape=shape)
y = np.arange(len(X)) % 2
estimator.fit(X[:512], y[:512]).predict(X[:512])

def anonymous():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024

peak, done = [anonymous()], threading.Event()
def watch():
    while not done.wait(0.005):
        peak.append(anonymous())
watcher = threading.Thread(target=watch)
watcher.start()
estimator.fit(X, y).predict(X)
done.set()
watcher.join()
print((max(peak) - peak[0]) / X.nbytes)
"""


# By day, tests/training/test_rows.py streams a file that is never copied whole.
@pytest.mark.parametrize(
    ("name", "on_disk"),
    [
        pytest.param("cnn", True, marks=pytest.mark.nightly),
        pytest.param("mlp", False, marks=pytest.mark.nightly),
        pytest.param("keras", False, marks=pytest.mark.nightly),
    ],
)
def test_images_of_bytes_stay_bytes(name, on_disk, tmp_path):
    """100 MB of them; as single precision they are 400 MB, as double 800 MB."""
    given = [str(tmp_path / "x.dat")] if on_disk else []
    assert float(run_fresh(GROWTH, name, *given)) < 2

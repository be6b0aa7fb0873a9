"""Fits leave next to nothing behind in the process."""

import keras
import numpy as np
import pytest

from skrec import KerasClassifier
from tests.fresh import run_fresh

X = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
Y = (X[:, 0] > 0).astype(int)

SCRIPT = """
import gc
import sys

import keras
import numpy as np
from skrec import KerasClassifier, MLPClassifier

def build(meta, units=8):
    layers = [keras.Input((5,)), keras.layers.Dense(units, "relu")]
    return keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])

def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * 4096

X = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
y = (X[:, 0] > 0).astype(int)
generic = {"loss": "binary_crossentropy", "optimizer": "adam", "verbose": 0}
makers = {
    "named": lambda rate: MLPClassifier(epochs=1, learning_rate=rate),
    "generic": lambda rate: KerasClassifier(
        build, units=9, optimizer__learning_rate=rate, **generic
    ),
    "callbacks": lambda rate: MLPClassifier(
        epochs=1, learning_rate=rate, callbacks=keras.callbacks.Callback()
    ),
}
for number in range(160):
    if number == 60:  # caches are full by then
        before = resident()
    estimator = makers[sys.argv[1]](0.001 + number * 1e-6).fit(X, y)
    estimator.predict(X)
print((resident() - before) / 100)
"""


@pytest.mark.nightly
@pytest.mark.parametrize(
    "kind",
    [
        "named",
        "generic",
        "callbacks",
    ],
)
def test_a_fit_leaves_less_than_a_tenth_of_a_megabyte(kind):
    # Keras alone leaves 0.7 MB for each build and compilation of such a network.
    assert float(run_fresh(SCRIPT, kind)) < 0.1e6


def test_the_names_of_layers_do_not_depend_on_what_was_built_before():
    def build(meta):
        return keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, "sigmoid")])

    before = keras.layers.Dense(1).name
    clf = KerasClassifier(build, loss="binary_crossentropy", verbose=0)
    names = {clf.fit(X, Y).model_.layers[0].name for _ in range(3)}
    assert names == {"dense"}
    number = int(before.rpartition("_")[2]) if "_" in before else 0
    assert keras.layers.Dense(1).name == f"dense_{number + 1}"

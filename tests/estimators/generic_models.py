"""Models of a user's own, for the tests of the generic estimators."""

import keras
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from skrec import KerasClassifier

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
CROSS_ENTROPY = "sparse_categorical_crossentropy"


def build(meta, units=8, rate=0.0):
    return keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(units, "relu"),
            keras.layers.Dropout(rate),
            keras.layers.Dense(meta["n_classes_"], "softmax"),
        ]
    )


def build_regression(meta, units=16):
    return keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(units, "relu"),
            keras.layers.Dense(meta["n_outputs_"]),
        ]
    )


def classifier(**params):
    defaults = {
        "model": build,
        "loss": CROSS_ENTROPY,
        "optimizer": "adam",
        "optimizer__learning_rate": 0.02,
        "epochs": 10,
        "verbose": 0,
        "random_state": 0,
    }
    return KerasClassifier(**{**defaults, **params})

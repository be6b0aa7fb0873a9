"""Keras networks as scikit-learn estimators, one module a family."""

from skrec.estimators.cnn import CNNClassifier, CNNRegressor
from skrec.estimators.generic import KerasClassifier, KerasRegressor
from skrec.estimators.mlp import MLPClassifier, MLPRegressor
from skrec.estimators.rnn import RNNClassifier, RNNRegressor

__all__ = [
    "CNNClassifier",
    "CNNRegressor",
    "KerasClassifier",
    "KerasRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "RNNClassifier",
    "RNNRegressor",
]

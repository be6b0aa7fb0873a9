"""Keras recommender models as scikit-learn estimators."""

from skrec import _runtime  # noqa: F401  (starts TensorFlow before Keras is imported)
from skrec.estimators import (
    CNNClassifier,
    CNNRegressor,
    KerasClassifier,
    KerasRegressor,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
    RNNRegressor,
)

__version__ = "0.1.0"

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

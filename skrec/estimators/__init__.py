"""Keras networks as scikit-learn estimators, one module a family."""

from skrec import _runtime  # noqa: F401  (before Keras is imported)
from skrec.estimators.autoint import AutoIntClassifier, AutoIntRegressor
from skrec.estimators.cnn import CNNClassifier, CNNRegressor
from skrec.estimators.dcn import DCNClassifier, DCNRegressor
from skrec.estimators.deepfm import DeepFMClassifier, DeepFMRegressor
from skrec.estimators.dien import DIENClassifier, DIENRegressor
from skrec.estimators.din import DINClassifier, DINRegressor
from skrec.estimators.fm import FMClassifier, FMRegressor
from skrec.estimators.generic import KerasClassifier, KerasRegressor
from skrec.estimators.late_fusion import LateFusionClassifier, LateFusionRegressor
from skrec.estimators.mlp import MLPClassifier, MLPRegressor
from skrec.estimators.neumf import NeuMFClassifier, NeuMFRegressor
from skrec.estimators.rnn import RNNClassifier, RNNRegressor
from skrec.estimators.wide_deep import WideDeepClassifier, WideDeepRegressor

__all__ = [
    "AutoIntClassifier",
    "AutoIntRegressor",
    "CNNClassifier",
    "CNNRegressor",
    "DCNClassifier",
    "DCNRegressor",
    "DIENClassifier",
    "DIENRegressor",
    "DINClassifier",
    "DINRegressor",
    "DeepFMClassifier",
    "DeepFMRegressor",
    "FMClassifier",
    "FMRegressor",
    "KerasClassifier",
    "KerasRegressor",
    "LateFusionClassifier",
    "LateFusionRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "NeuMFClassifier",
    "NeuMFRegressor",
    "RNNClassifier",
    "RNNRegressor",
    "WideDeepClassifier",
    "WideDeepRegressor",
]

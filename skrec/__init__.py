"""Keras recommender models as scikit-learn estimators."""

from typing import TYPE_CHECKING

from skrec._lazy import on_demand

if TYPE_CHECKING:
    from skrec._show_versions import show_versions
    from skrec.estimators import (
        AutoIntClassifier,
        AutoIntRegressor,
        CNNClassifier,
        CNNRegressor,
        DCNClassifier,
        DCNRegressor,
        DeepFMClassifier,
        DeepFMRegressor,
        DIENClassifier,
        DIENRegressor,
        DINClassifier,
        DINRegressor,
        FMClassifier,
        FMRegressor,
        KerasClassifier,
        KerasRegressor,
        LateFusionClassifier,
        LateFusionRegressor,
        MLPClassifier,
        MLPRegressor,
        NeuMFClassifier,
        NeuMFRegressor,
        RNNClassifier,
        RNNRegressor,
        WideDeepClassifier,
        WideDeepRegressor,
    )

__version__ = "0.1.0"

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
    "show_versions",
]

# TensorFlow starts with the first of them, not with skrec: see skrec/_lazy.py.
__getattr__, __dir__ = on_demand(
    __name__,
    {"skrec.estimators": __all__[:-1], "skrec._show_versions": ["show_versions"]},
    packages=[
        "callback",
        "datasets",
        "drift",
        "estimators",
        "export",
        "inspection",
        "io",
        "metrics",
        "model_selection",
        "networks",
        "preprocessing",
        "recommenders",
        "training",
    ],
)

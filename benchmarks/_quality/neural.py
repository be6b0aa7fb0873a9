"""skrec's models on the tasks, and the spaces that they are tuned in."""

from typing import Any

import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.pipeline import Pipeline

from _quality.averaging import SeedAverage
from _quality.baselines import Model
from _quality.data import Task
from _quality.features import Loyalty
from skrec import (
    DCNClassifier,
    DeepFMClassifier,
    DeepFMRegressor,
    FMClassifier,
    FMRegressor,
    MLPClassifier,
    NeuMFClassifier,
    NeuMFRegressor,
    WideDeepClassifier,
)

USER, ITEM = "user_id", "item_id"
PAIR = {"user_column": USER, "item_column": ITEM}


def _on_fields() -> dict[str, Any]:
    """Return the space that all models share on MovieLens."""
    return {
        "embedding_l2": loguniform(3e-5, 2e-4),
        "learning_rate": loguniform(1e-3, 4e-3),
        "batch_size": [512, 1024],
    }


def rating_models(task: Task, fixed: dict[str, Any]) -> list[Model]:
    """Return factorisation models of all fields, and of users and movies alone."""
    tower = {"units": ["64", "64-32", "128-64"], "dropout": uniform(0, 0.3)}
    pair = {"structure": ["gmf", "neumf"], "num_factors": [8, 12, 16]}
    return [
        Model("skrec FM", FMRegressor(**fixed), _on_fields()),
        Model("skrec DeepFM", DeepFMRegressor(**fixed), _on_fields() | tower),
        Model("skrec NeuMF", NeuMFRegressor(**PAIR, **fixed), _on_fields() | pair),
    ]


def click_models(task: Task, fixed: dict[str, Any]) -> list[Model]:
    """Return click models."""
    if ITEM not in task.X:
        return _few_rows_click_models(fixed)
    shared = _on_fields()
    tower = {"units": ["32", "64", "64-32"], "dropout": uniform(0, 0.4)}
    return [
        Model("skrec FM", FMClassifier(**fixed), shared),
        Model("skrec DeepFM", DeepFMClassifier(**fixed), shared | tower),
        Model(
            "skrec DCN",
            DCNClassifier(**fixed),
            shared | tower | {"cross_layers": [1, 2, 3]},
        ),
        Model("skrec NeuMF", NeuMFClassifier(**PAIR, **fixed), shared),
    ]


def _few_rows_click_models(fixed: dict[str, Any]) -> list[Model]:
    """Return models for a few thousand rows of many rare ids: small, and held tight.

    Validation rows are too few to stop early by: the number of epochs is tuned.
    """
    fixed = {**fixed, "standardize": "log", "early_stopping": False}
    space = {
        "units": ["32", "64", "64-32"],
        "embedding_dim": [2, 4],
        "embedding_l2": loguniform(1.5e-3, 4e-3),
        "l2": loguniform(1.5e-3, 4e-3),
        "dropout": uniform(0.4, 0.2),
        "learning_rate": loguniform(2e-3, 4e-3),
        "epochs": [10, 15],
    }
    wide_deep = Model("skrec Wide & Deep", WideDeepClassifier(**fixed), space)
    return [
        wide_deep,
        Model("skrec DeepFM", DeepFMClassifier(**fixed), space),
        Model("skrec DCN", DCNClassifier(cross_layers=1, **fixed), space),
        _averaged(wide_deep),
    ]


def _averaged(model: Model) -> Model:
    """Return the mean of a model over seeds, tuned as one."""
    space = {"estimator__" + name: values for name, values in model.space.items()}
    average = SeedAverage(model.estimator)
    return Model(f"{model.name}, mean of {average.n_seeds} seeds", average, space)


def choice_models(task: Task, fixed: dict[str, Any]) -> list[Model]:
    """Return networks on prices, household and past choices."""
    space = {
        "units": ["32", "64"],
        "dropout": uniform(0.4, 0.2),
        "embedding_l2": loguniform(5e-4, 2e-3),
        "l2": loguniform(2e-4, 1e-3),
        "learning_rate": loguniform(7e-4, 1.5e-3),
        "epochs": [20, 40],
    }
    fixed = {"batch_size": 64, "embedding_dim": 4, **fixed, "early_stopping": False}
    models = [
        Model("skrec MLP", MLPClassifier(**fixed), space),
        Model("skrec Wide & Deep", WideDeepClassifier(**fixed), space),
        Model("skrec DeepFM", DeepFMClassifier(**fixed), space),
    ]
    models += [_averaged(model) for model in models[:2]]
    return [_with_loyalty(task, model) for model in models]


def _with_loyalty(task: Task, model: Model) -> Model:
    """Put what past purchases say of a household before a model."""
    loyalty = Loyalty(np.unique(task.y).tolist())
    pipeline = Pipeline([("loyalty", loyalty), ("model", model.estimator)])
    space = {"model__" + name: values for name, values in model.space.items()}
    return Model(model.name, pipeline, space)


MODELS = {"rating": rating_models, "clicks": click_models, "choice": choice_models}

"""skrec's models on the tasks, and the spaces that they are tuned in."""

from typing import Any

import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.pipeline import Pipeline

from _quality.baselines import Model
from _quality.data import Task
from _quality.estimators import Loyalty, SeedAverage
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


RATES = {
    "embedding_l2": loguniform(5e-5, 2e-4),
    "learning_rate": loguniform(1.5e-3, 4e-3),
    "batch_size": [512, 1024],
}


def rating_models(task: Task, fixed: dict[str, Any]) -> list[Model]:
    """Return factorisation models of all fields, and of users and movies alone.

    Epochs are tuned, so that models learn from all rows of the training part.
    """
    fixed = {**fixed, "early_stopping": False}
    tower = {"units": ["64", "64-32", "128-64"], "dropout": uniform(0, 0.3)}
    fm = {"epochs": [10, 15, 20], "embedding_dim": [8, 10, 12]}
    pair = {"num_factors": [8, 10, 12], "epochs": [15, 20, 25]}
    gmf = NeuMFRegressor("gmf", **PAIR, **fixed)
    return [
        Model("skrec FM", FMRegressor(**fixed), RATES | fm),
        Model(
            "skrec DeepFM",
            DeepFMRegressor(**fixed),
            RATES | tower | {"epochs": [6, 8, 10]},
        ),
        Model("skrec NeuMF", gmf, RATES | pair),
    ]


def click_models(task: Task, fixed: dict[str, Any]) -> list[Model]:
    """Return click models; they stop early by the AUC."""
    if ITEM not in task.X:
        return _few_rows_click_models(fixed)
    # The AUC of a few thousand validation rows goes up and down: hence the patience.
    fixed = {**fixed, "scoring": "roc_auc", "n_iter_no_change": 8}
    # With a tower, vectors need a strong penalty and small batches, as FuxiCTR's do.
    tower = {
        "units": ["64", "64-32", "128-64"],
        "dropout": uniform(0.2, 0.3),
        "embedding_l2": loguniform(5e-4, 1.5e-3),
        "learning_rate": loguniform(1.5e-3, 4e-3),
        "batch_size": [256],
    }
    cross = {"cross_layers": [1, 2, 3], "embedding_l2": loguniform(1e-3, 3e-3)}
    dcn = DCNClassifier(structure="parallel", **fixed)
    return [
        Model("skrec FM", FMClassifier(**fixed), RATES),
        Model("skrec DeepFM", DeepFMClassifier(**fixed), tower),
        Model("skrec DCN", dcn, tower | cross),
        Model("skrec NeuMF", NeuMFClassifier(**PAIR, **fixed), RATES),
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

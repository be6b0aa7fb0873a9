"""The models to beat that need no network, and what of them is tuned."""

from typing import Any, NamedTuple

import numpy as np
from _columns import linear_columns, tree_columns
from scipy.stats import loguniform, randint
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from _quality.data import Task
from _quality.estimators import CopyLastChoice, Loyalty


class Model(NamedTuple):
    """A model and what of it is tuned; nothing, if the space is empty."""

    name: str
    estimator: Any
    space: dict[str, Any]


# ---- models ------------------------------------------------------------------------


def rating_models(task: Task) -> list[Model]:
    """Return the user and movie biases."""
    columns = ColumnTransformer(
        [("ids", OneHotEncoder(handle_unknown="ignore"), ["user_id", "item_id"])]
    )
    ridge = make_pipeline(columns, Ridge())
    return [Model("user + movie biases", ridge, {"ridge__alpha": loguniform(0.5, 20)})]


def click_models(task: Task) -> list[Model]:
    """Return logistic regression and gradient boosting."""
    return [
        _logistic("logistic regression", linear_columns(task.X, logarithms=True)),
        _boosting(task),
    ]


def _logistic(name: str, columns: Any) -> Model:
    logistic = Pipeline(
        [("columns", columns), ("model", LogisticRegression(max_iter=2000))]
    )
    space = {
        "model__C": loguniform(0.01, 10),
        "columns__ids__onehotencoder__min_frequency": [1, 2, 5, 10],
    }
    return Model(name, logistic, space)


def _boosting(task: Task) -> Model:
    trees = HistGradientBoostingClassifier(
        max_iter=1000, early_stopping=True, validation_fraction=0.1, random_state=0
    )
    space = {
        "model__learning_rate": loguniform(0.02, 0.2),
        "model__max_leaf_nodes": randint(7, 64),
        "model__min_samples_leaf": randint(5, 50),
        "model__l2_regularization": loguniform(1e-3, 10),
    }
    pipeline = Pipeline([("columns", tree_columns(task.X)), ("model", trees)])
    return Model("HistGradientBoosting", pipeline, space)


def choice_models(task: Task) -> list[Model]:
    """Return logistic regressions on more and more, and the last choice."""
    past = ["history", "last_choice"]
    shelf = task.X.drop(columns=["household", *past])
    with_id = task.X.drop(columns=past)
    C = {"model__C": loguniform(0.01, 100)}
    models = [Model("copy the last choice", CopyLastChoice(), {})]
    for name, X in (("prices", shelf), ("prices, household id", with_id)):
        model = _logistic(
            f"logistic regression: {name}", linear_columns(X, logarithms=False)
        )
        models.append(model._replace(space=C))
    brands = np.unique(task.y).tolist()
    loyal = Loyalty(brands).transform(task.X).drop(columns="history")
    columns = linear_columns(loyal, logarithms=False)
    logistic = _logistic("logistic regression: prices, id, past choices", columns)
    pipeline = Pipeline([("loyalty", Loyalty(brands)), *logistic.estimator.steps])
    return [*models, Model(logistic.name, pipeline, C)]


MODELS = {"rating": rating_models, "clicks": click_models, "choice": choice_models}

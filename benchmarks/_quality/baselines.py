"""The models to beat that need no network: scikit-learn's, and rules."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import loguniform, randint
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from _quality.data import Task
from _quality.features import Loyalty

MISSING = "missing"


class Model(NamedTuple):
    """A model and what of it is tuned; nothing, if the space is empty."""

    name: str
    estimator: Any
    space: dict[str, Any]


class CopyLastChoice(ClassifierMixin, BaseEstimator):
    """Expect the brand of the last purchase, as often as that came true in training."""

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "CopyLastChoice":
        """Learn the share of each brand, and how often one is bought again."""
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum()
        again = X["last_choice"].astype(object).to_numpy() == y
        self.rate_ = again[X["last_choice"].notna().to_numpy()].mean()
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Give the last brand that rate and the others what is left by their shares."""
        last = X["last_choice"].astype(object).to_numpy()[:, None] == self.classes_
        others = np.where(last, 0, self.shares_)
        others /= others.sum(axis=1, keepdims=True)
        known = last.any(axis=1, keepdims=True)
        return np.where(known, self.rate_ * last + (1 - self.rate_) * others, others)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the last brand."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


# ---- tables to numbers -------------------------------------------------------------


def columns_by_kind(X: pd.DataFrame) -> tuple[list[str], list[str], list[str]]:
    """Return the columns of ids, of numbers and of lists."""
    ids = X.select_dtypes("category").columns.tolist()
    numbers = X.select_dtypes("number").columns.tolist()
    return ids, numbers, [name for name in X if name not in {*ids, *numbers}]


def signed_log(X: np.ndarray) -> np.ndarray:
    """Shrink large numbers."""
    return np.sign(X) * np.log1p(np.abs(X))


def itself(ids: list[str]) -> list[str]:
    """Return a list of ids, which is what a list of words is to a vectorizer."""
    return ids


def _text(X: pd.DataFrame) -> pd.DataFrame:
    return X.astype(object).where(X.notna(), MISSING).astype(str)


def linear_columns(X: pd.DataFrame, logarithms: bool) -> ColumnTransformer:
    """Return one-hot ids and lists, and scaled numbers."""
    ids, numbers, lists = columns_by_kind(X)
    scale = [
        SimpleImputer(strategy="median", add_indicator=True),
        *([FunctionTransformer(signed_log)] if logarithms else []),
        StandardScaler(),
    ]
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist")
    return ColumnTransformer(
        [
            ("ids", make_pipeline(FunctionTransformer(_text), one_hot), ids),
            ("numbers", make_pipeline(*scale), numbers),
            *((name, CountVectorizer(analyzer=itself), name) for name in lists),
        ]
    )


def tree_columns(X: pd.DataFrame) -> ColumnTransformer:
    """Return ordinal ids, counted lists, and numbers as they are."""
    ids, numbers, lists = columns_by_kind(X)
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    )
    return ColumnTransformer(
        [
            ("ids", ordinal, ids),
            ("numbers", "passthrough", numbers),
            *((name, CountVectorizer(analyzer=itself), name) for name in lists),
        ],
        sparse_threshold=0,
    )


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

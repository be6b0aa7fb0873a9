"""The systems of defaults.py: baselines, networks and peers, none of them tuned."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _columns import columns_by_kind, itself, linear_columns
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import skrec
from _defaults.tables import Part, Table

NATIVE = 255  # categories that gradient boosting takes as such, at most
BASELINES = ("linear", "boosting", "sklearn MLP")


class System(NamedTuple):
    """A system of the benchmark, and what it reads of which tables."""

    package: str
    # Makes an estimator for a table, its columns and a seed. None for peers, which are
    # fitted in an environment of their own.
    make: Callable[[Table, pd.DataFrame, int], Any] | None
    rows: Callable[[Table, Part], Any] = lambda table, part: part.X
    fits: Callable[[Table], bool] = lambda table: True


# ---- baselines ---------------------------------------------------------------------


def _linear(table: Table, X: pd.DataFrame, seed: int) -> Any:
    """Return one-hot categories and scaled numbers, and a linear model of them."""
    classifier = LogisticRegression(max_iter=1000, random_state=seed)
    return make_pipeline(
        linear_columns(X, logarithms=False),
        RidgeCV() if table.is_numbers else classifier,
    )


def _linear_rows(table: Table, part: Part) -> pd.DataFrame:
    return part.X[list(table.linear_columns)] if table.linear_columns else part.X


def _boosting(table: Table, X: pd.DataFrame, seed: int) -> Any:
    """Return gradient boosting that knows which codes are categories."""
    ids, numbers, lists = columns_by_kind(X)
    few = [name for name in ids if X[name].nunique() <= NATIVE]
    many = [name for name in ids if name not in few]
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan
    )  # missing and unknown ones are missing to the trees, which have a way for them
    columns = ColumnTransformer(
        [
            ("few", ordinal, few),
            ("many", ordinal, many),
            ("numbers", "passthrough", numbers),
            *((name, CountVectorizer(analyzer=itself), name) for name in lists),
        ],
        sparse_threshold=0,
    )
    kind = (
        HistGradientBoostingRegressor
        if table.is_numbers
        else HistGradientBoostingClassifier
    )
    trees = kind(categorical_features=list(range(len(few))), random_state=seed)
    return make_pipeline(columns, trees)


def _sklearn_mlp(table: Table, X: pd.DataFrame, seed: int) -> Any:
    """Return scikit-learn's network after the same columns as the linear model."""
    kind = MLPRegressor if table.is_numbers else MLPClassifier
    return make_pipeline(linear_columns(X, logarithms=False), kind(random_state=seed))


# ---- skrec -------------------------------------------------------------------------


def _own(family: str, table: Table, X: pd.DataFrame, seed: int) -> Any:
    """Return a family's classifier or regressor, which is told of columns alone."""
    kind = "Regressor" if table.is_numbers else "Classifier"
    past = {"shared_embeddings": [list(table.past)]} if family in HISTORIES else {}
    return getattr(skrec, family + kind)(**past, random_state=seed)


def _skrec(family: str, **more: Callable) -> System:
    return System("skrec", partial(_own, family), **more)


def _on_arrays(family: str, *kinds: str) -> System:
    return _skrec(
        family,
        rows=lambda table, part: part.arrays,
        fits=lambda table: table.arrays in kinds,
    )


HISTORIES = ("DIN", "DIEN")
ON_TABLES = ("MLP", "WideDeep", "DeepFM", "FM", "DCN", "AutoInt")
SYSTEMS = {
    "linear": System("scikit-learn", _linear, rows=_linear_rows),
    "boosting": System("scikit-learn", _boosting),
    "sklearn MLP": System("scikit-learn", _sklearn_mlp),
    "RealMLP": System("pytabkit", None),
    "TabM": System("pytabkit", None),
    **{name: _skrec(name) for name in ON_TABLES},
    "NeuMF": _skrec(
        "NeuMF",
        rows=lambda table, part: part.X[list(table.pair)],
        fits=lambda table: bool(table.pair),
    ),
    "CNN": _on_arrays("CNN", "sequences", "images"),
    "RNN": _on_arrays("RNN", "sequences"),
    **{name: _skrec(name, fits=lambda table: bool(table.past)) for name in HISTORIES},
}


# ---- peers -------------------------------------------------------------------------

PEERS = ["pytabkit==1.7.3", "torch==2.13.0"]
PEER_MODELS = {"RealMLP": "RealMLP_TD", "TabM": "TabM_D"}


def peer_name(name: str, table: Table) -> str:
    """Return the name of a peer's class for a table."""
    return f"{PEER_MODELS[name]}_{'Regressor' if table.is_numbers else 'Classifier'}"


def peer_rows(X_train: pd.DataFrame, X_test: pd.DataFrame) -> list[tuple]:
    """Return numbers, without gaps and with the counts of lists, and codes of ids."""
    ids, numbers, lists = columns_by_kind(X_train)
    dense = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), numbers),
            *((name, CountVectorizer(analyzer=itself), name) for name in lists),
        ],
        sparse_threshold=0,
    ).fit(X_train)
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    ).fit(X_train[ids])
    return [
        (dense.transform(X).astype(np.float32), codes.transform(X[ids]).astype(int))
        for X in (X_train, X_test)
    ]

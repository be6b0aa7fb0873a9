"""The columns of tables as numbers, for models that need them made."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

MISSING = "missing"


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

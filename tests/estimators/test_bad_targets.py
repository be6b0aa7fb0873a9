"""Targets that nothing can be learnt from: the row, and what to do, are said."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skrec import (
    CNNClassifier,
    KerasClassifier,
    MLPClassifier,
    MLPRegressor,
    NeuMFRegressor,
)
from skrec.estimators._inputs import require_targets

X = np.random.default_rng(0).normal(size=(20, 4))
TABLE = pd.DataFrame({"user": list("abcd") * 5, "item": list("fghij") * 4})
LABELS = ["yes", "no"] * 10


def with_one(value, row=7):
    labels = np.array(LABELS, dtype=object)
    labels[row] = value
    return labels


def unbuilt():
    raise AssertionError  # y is checked before anything is built


MISSING = {
    "None": with_one(None),
    "None in a list": list(with_one(None)),
    "NaN": with_one(np.nan),
    "Series": pd.Series(with_one(None)),
    "strings": pd.Series(with_one(None), dtype="string"),
    "category": pd.Series(with_one(None), dtype="category"),
    "boolean": pd.Series(
        [True, False] * 3 + [True, None] + [False] * 12, dtype="boolean"
    ),
    "polars": pl.Series(list(with_one(None))),
}


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize(
    ("model", "rows"),
    [(MLPClassifier(), X), (MLPClassifier(), TABLE), (KerasClassifier(unbuilt), X)],
)
def test_a_label_that_is_missing(name, model, rows):
    with pytest.raises(
        ValueError, match="y is missing in row 7: leave such rows out, or"
    ):
        model.fit(rows, MISSING[name])


def test_so_are_those_of_validation_and_of_a_stream():
    model = MLPClassifier(4, epochs=1, random_state=0)
    with pytest.raises(ValueError, match="y is missing in row 7"):
        model.fit(X, LABELS, X_val=X, y_val=with_one(None))
    with pytest.raises(ValueError, match="y is missing in row 3"):
        model.partial_fit(X, with_one(None, 3), classes=["no", "yes"])


@pytest.mark.parametrize(
    ("model", "rows"), [(MLPClassifier(), X), (CNNClassifier(), X)]
)
def test_labels_of_several_types(model, rows):
    at = r"'y' must hold values of one type.* str such as 'yes', int such as 1"
    with pytest.raises(ValueError, match=at):
        model.fit(rows, with_one(1))


NO_NUMBERS = {
    "strings": (with_one("maybe", 0), "'maybe' in row 0"),
    "text": (np.array(LABELS), "'yes'.* in row 0"),
    "category": (pd.Series(LABELS, dtype="category"), "'yes' in row 0"),
    "a string among numbers": ([1.5, "2", "x", *range(17)], "'x'.* in row 2"),
    "dates": (pd.date_range("2026-01-01", periods=20), "2026-01-01.* in row 0"),
    "durations": (pd.to_timedelta(range(20), unit="s"), "0.* in row 0"),
    "two columns": (np.array([[1, 2]] * 9 + [[3, "x"]] * 11, object), "'x' in row 9"),
}


@pytest.mark.parametrize("name", NO_NUMBERS)
@pytest.mark.parametrize(
    ("model", "rows"), [(MLPRegressor(), X), (NeuMFRegressor(), TABLE)]
)
def test_a_regressor_gets_what_is_no_number(name, model, rows):
    y, received = NO_NUMBERS[name]
    at = f"y must hold numbers: convert it.* Received: .*{received}"
    with pytest.raises(ValueError, match=at):
        model.fit(rows, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("model", [MLPRegressor(), MLPClassifier()])
def test_a_number_that_is_none_has_its_row_named(model, value):
    y = np.arange(20.0) % 2
    y[[7, 9]] = value
    at = r"Input y contains .*\nThe first such value is in row 7\."
    with pytest.raises(ValueError, match=at):
        model.fit(X, y)
    with pytest.raises(ValueError, match="in row 7"):
        MLPRegressor().fit(X, np.column_stack([np.ones(20), y]))


def test_a_regressor_with_a_missing_number_among_objects():
    with pytest.raises(ValueError, match=r"y is missing in row 7: .* out\. Rec"):
        MLPRegressor().fit(X, [*range(7), None, *range(12)])


@pytest.mark.parametrize(
    ("y", "numbers"),
    [
        ([], False),
        (np.zeros((0, 2), dtype=object), True),
        (["1.5", "2"], True),
        (np.array([1, 2.5], dtype=object), True),
        ([True, False], True),
        (pd.Series([1, 2], dtype="Int64"), True),
        (LABELS, False),
        ([[1, 0], [0, 1]], False),
        (sparse.csr_array(np.eye(2)), False),
        ([{"a": 1}, {"b": 2}], False),  # scikit-learn refuses them
    ],
)
def test_all_else_passes(y, numbers):
    require_targets(y, numbers)


@pytest.mark.parametrize("rows", [pd.Series(X[:, 0]), pd.Series(LABELS), TABLE.iloc[0]])
@pytest.mark.parametrize(
    "model", [MLPClassifier(), CNNClassifier(), KerasClassifier(unbuilt)]
)
def test_a_series_is_no_table(model, rows):
    with pytest.raises(ValueError, match="Expected a 2-dimensional container but got"):
        model.fit(rows, LABELS[: len(rows)])


def test_neither_is_a_row_of_what_was_fitted():
    model = MLPClassifier(4, epochs=1, random_state=0).fit(TABLE, LABELS)
    with pytest.raises(ValueError, match=r"Pass a DataFrame containing a single row"):
        model.predict(TABLE.iloc[0])
    for fitted in (model, model.fit(X, LABELS)):
        with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
            fitted.predict(LABELS[:4])


@pytest.mark.parametrize(
    ("X_val", "y_val", "message"),
    [(X[:4], ["yes", "maybe"] * 2, "maybe"), (X[:4] * np.inf, LABELS[:4], "infinity")],
)
def test_errors_say_that_they_are_of_validation_samples(X_val, y_val, message):
    model = MLPClassifier(4, epochs=1, random_state=0)
    with pytest.raises(ValueError, match=rf"samples X_val, y_val: (.|\n)*{message}"):
        model.fit(X, LABELS, X_val=X_val, y_val=y_val)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_an_unfitted_model_says_so(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(MLPClassifier(), method)(X)

"""What the first fit does with nothing set: its budget, its start, its robustness."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, train_test_split

import skrec
from skrec import (
    CNNClassifier,
    DCNRegressor,
    DeepFMClassifier,
    FMClassifier,
    FMRegressor,
    MLPClassifier,
    MLPRegressor,
    NeuMFRegressor,
    RNNClassifier,
    WideDeepClassifier,
    WideDeepRegressor,
)
from skrec.estimators._budget import Budget
from skrec.preprocessing import FieldEncoder
from tests.night import by_day

REGRESSORS = [MLPRegressor, WideDeepRegressor, skrec.DeepFMRegressor, FMRegressor]
REGRESSORS.append(DCNRegressor)


def by_day_and_night(*by_day):
    return [
        pytest.param(cls, marks=() if cls in by_day else pytest.mark.nightly)
        for cls in REGRESSORS
    ]


STARTS = {"learning_rate": 1e-12, "epochs": 1, "early_stopping": False}


# ---- how long ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [
        # batch_size, epochs, early_stopping, n_iter_no_change
        (50, (50, 200, False, 640)),
        (99, (99, 200, False, 640)),
        (100, (100, 200, True, 640)),
        (1000, (128, 200, True, 80)),
        (10_000, (156, 30, True, 10)),
        (100_000, (1024, 20, True, 7)),
        (10_000_000, (1024, 16, True, 3)),
    ],
)
def test_auto_follows_the_number_of_rows(n_rows, expected):
    budget = Budget.of(n_rows, "auto", "auto", "auto", "auto")
    size, epochs, stops, patience = expected
    assert budget == Budget(n_rows, size, epochs, stops, patience)


def test_what_is_set_is_kept():
    assert Budget.of(5000, 64, 7, False, 2) == Budget(5000, 64, 7, False, 2)
    assert Budget.of(50, None, 7, True, 2) == Budget(50, 50, 7, True, 2)
    # A larger batch takes more epochs to as many steps.
    assert Budget.of(6400, 640, "auto", "auto", 2).epochs == 200
    assert Budget.of(6400, 64, "auto", "auto", 2).epochs == 20


SMALL = {
    MLPClassifier: {"units": 4},
    CNNClassifier: {"filters": 2, "units": 2},
    RNNClassifier: {"units": 2},
    WideDeepClassifier: {"units": 4},
    FMClassifier: {},
}


@pytest.mark.parametrize("cls", SMALL)
def test_one_rule_for_all_families_and_it_is_a_fitted_attribute(cls):
    X, y = load_iris(return_X_y=True)
    clf = cls(**SMALL[cls], epochs=2, random_state=0).fit(X, y)
    chosen = {"batch_size": 128, "early_stopping": True, "n_iter_no_change": 320}
    assert clf.auto_params_.items() >= chosen.items()
    assert "epochs" not in clf.auto_params_
    assert len(clf.history_["val_loss"]) == clf.n_iter_ == 2
    few = clone(clf).fit(X[::2], y[::2])
    assert few.auto_params_["early_stopping"] is False
    assert "val_loss" not in few.history_


def test_a_fold_and_its_refit_follow_one_rule():
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier(4, epochs=2, random_state=0)
    search = GridSearchCV(model, {"units": [2, 4]}, cv=3).fit(X, y)
    for n_rows in (100, 150):  # a fold's and the refit's
        assert Budget.of(n_rows, "auto", 2, "auto", "auto").early_stopping
    assert search.best_estimator_.auto_params_["early_stopping"]


def test_partial_fit_trains_one_epoch_without_setting_rows_aside():
    X, y = load_iris(return_X_y=True)
    clf = MLPClassifier(4, random_state=0).partial_fit(X, y, [0, 1, 2])
    assert clf.n_iter_ == 1
    assert "val_loss" not in clf.history_
    assert clf.auto_params_["embedding_l2"] == 1e-4


# ---- where it starts -----------------------------------------------------------------


def table(n_rows=400, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "shop": rng.choice([f"s{k}" for k in range(12)], n_rows),
            "price": rng.normal(10, 3, n_rows),
            "tags": [list(rng.choice(5, 2, replace=False) + 1) for _ in range(n_rows)],
        }
    )
    effect = X["shop"].str[1:].astype(int) % 4 - 1.5
    return X, effect + 0.3 * (X["price"] - 10) + rng.normal(0, 0.5, n_rows)


def design(X):
    """What the linear part reads: numbers, and a column for each id."""
    encoded = FieldEncoder().fit_transform(X)
    columns = [encoded["numbers"].astype(float)]
    columns += [(encoded["ids"] == code).astype(float) for code in range(2, 14)]
    lists = encoded["sequence_0"]
    columns += [(lists == code).mean(axis=1)[:, None] for code in range(2, 7)]
    return np.hstack(columns)


@pytest.mark.parametrize("cls", by_day_and_night(FMRegressor))
def test_regression_starts_at_ridge_regression(cls):
    X, y = table()
    reg = cls(**STARTS, random_state=0).fit(X, y)
    ridge = Ridge(10.0).fit(design(X), (y - y.mean()) / y.std())
    expected = ridge.predict(design(X)) * y.std() + y.mean()
    # The tower starts near 0, and ids that are vectors too.
    assert np.corrcoef(reg.predict(X), expected)[0, 1] > 0.98
    from_zero = clone(reg).set_params(linear_start=False).fit(X, y)
    assert from_zero.score(X, y) < 0.1 < 0.7 < reg.score(X, y)


@pytest.mark.parametrize("n_classes", [pytest.param(2, marks=pytest.mark.nightly), 3])
def test_classification_starts_at_logistic_regression(n_classes):
    X, number = table()
    y = pd.qcut(number, n_classes, labels=False)
    clf = FMClassifier(**STARTS, random_state=0).fit(X, y)
    logistic = LogisticRegression(max_iter=1000, tol=1e-8).fit(design(X), y)
    np.testing.assert_allclose(
        clf.predict_proba(X), logistic.predict_proba(design(X)), atol=0.02
    )


def test_several_labels_start_at_one_logistic_regression_each():
    X, number = table()
    y = np.column_stack([number > 0, X["price"] > 10]).astype(int)
    clf = FMClassifier(**STARTS, random_state=0).fit(X, y)
    for k in range(2):
        logistic = LogisticRegression(max_iter=1000, tol=1e-8).fit(design(X), y[:, k])
        expected = logistic.predict_proba(design(X))[:, 1]
        np.testing.assert_allclose(clf.predict_proba(X)[:, k], expected, atol=0.02)


@pytest.mark.parametrize("missing", [0, 2])
def test_a_class_without_rows_leaves_the_start_alone(missing):
    X, y = load_iris(return_X_y=True)
    weight = np.where(y == missing, 0, 1)
    clf = FMClassifier(**STARTS, random_state=0).fit(X, y, weight)
    one = clone(clf).set_params(linear_start=False).fit(X, y, weight)
    np.testing.assert_allclose(clf.predict_proba(X), one.predict_proba(X), rtol=1e-5)


def test_the_start_learns_from_the_rows_to_train_on_alone():
    X, y = table()
    halves = dict(zip(("X_val", "y_val"), (X[200:], y[200:]), strict=True))
    one = FMRegressor(**STARTS, random_state=0).fit(X[:200], y[:200])
    two = FMRegressor(**STARTS, random_state=0).fit(X[:200], y[:200], **halves)
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


def test_the_start_is_kept_where_no_epoch_is_better():
    X, y = load_diabetes(return_X_y=True)
    start = MLPRegressor(**STARTS, random_state=0)
    start.set_params(epochs=1, early_stopping=True).fit(X, y)
    wild = MLPRegressor(epochs=3, learning_rate=5.0, clipnorm=1.0, random_state=0)
    wild.fit(X, y)
    assert min(wild.history_["val_loss"]) > start.history_["val_loss"][0]
    np.testing.assert_allclose(wild.predict(X), start.predict(X), rtol=1e-3)


@pytest.mark.nightly
def test_the_same_start_in_any_number_of_threads():
    X, y = table()
    search = GridSearchCV(FMRegressor(**STARTS, random_state=0), {"epochs": [1]}, cv=2)
    one, two = (clone(search).set_params(n_jobs=n).fit(X, y) for n in (1, 2))
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )


# ---- ids -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cls", by_day([NeuMFRegressor, FMRegressor, MLPRegressor], "NeuMFRegressor")
)
def test_a_new_id_predicts_about_the_mean(cls):
    users, items = np.divmod(np.arange(6000), 60)
    rng = np.random.default_rng(0)
    means = rng.normal(0, 1, 100)
    X = pd.DataFrame({"user": users.astype(str), "item": items.astype(str)})
    y = means[users] + rng.normal(0, 0.3, 6000)
    reg = cls(random_state=0).fit(X, y)
    new = reg.predict(pd.DataFrame({"user": ["new"] * 60, "item": X["item"][:60]}))
    assert abs(new.mean() - y.mean()) < 0.25 * means.std()
    assert reg.score(X, y) > 0.8


@pytest.mark.nightly
def test_a_household_of_few_purchases_helps_and_does_not_hurt():
    n, rng = 1600, np.random.default_rng(0)
    household = rng.integers(0, 200, n)  # eight rows each
    price = rng.normal(size=n)
    logits = rng.normal(0, 1.5, 200)[household] - price
    y = (rng.uniform(size=n) < 1 / (1 + np.exp(-logits))).astype(int)
    X = pd.DataFrame({"household": household.astype(str), "price": price})
    train, test = train_test_split(np.arange(n), test_size=0.25, random_state=0)
    scores = {}
    for columns in (["price"], ["price", "household"]):
        clf = DeepFMClassifier(random_state=0).fit(X.loc[train, columns], y[train])
        scores[len(columns)] = clf.score(X.loc[test, columns], y[test])
    assert scores[2] > scores[1] + 0.02


# ---- what must not break it ----------------------------------------------------------


def numbers(n_rows=600):
    X = np.random.default_rng(1).normal(size=(n_rows, 5))
    return X, X[:, 0] + np.sin(2 * X[:, 1]) + 0.1 * X[:, 2]


@pytest.mark.parametrize("cls", by_day_and_night(MLPRegressor))
@pytest.mark.parametrize("fault", by_day(["outlier", "constant", "zeros"], "outlier"))
def test_no_default_ever_diverges(cls, fault):
    X, y = numbers()
    if fault == "outlier":
        X[7, 0] = 1e6
    elif fault == "constant":
        X[:, 4] = 3.0
    else:
        X[:, 4] = np.where(np.arange(len(X)) % 100 == 0, X[:, 4] * 100, 0)
    reg = cls(random_state=0).fit(X[:450], y[:450])
    # A line explains .6 of the clean numbers, a factorisation machine not much more.
    assert reg.score(X[450:], y[450:]) > 0.55

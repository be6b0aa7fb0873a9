"""Labels and numbers of every kind, and scores against stated baselines."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    make_multilabel_classification,
)
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, r2_score
from sklearn.model_selection import cross_val_score, train_test_split

from skrec import (
    CNNClassifier,
    CNNRegressor,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
    RNNRegressor,
)
from skrec.datasets import make_sessions
from tests.night import by_day
from tests.plain import STEPS

CLASSIFIERS = [CNNClassifier, RNNClassifier, MLPClassifier]
REGRESSORS = [CNNRegressor, RNNRegressor, MLPRegressor]
IRIS_X, IRIS_Y = load_iris(return_X_y=True)
DIABETES_X, DIABETES_Y = load_diabetes(return_X_y=True)
QUICK = {**STEPS, "epochs": 15, "learning_rate": 0.02, "random_state": 0, "units": 8}


# ---- labels --------------------------------------------------------------------------

LABELS = {
    "strings": np.array(["setosa", "versicolor", "virginica"]),
    "objects": np.array(["a", "bb", "ccc"], dtype=object),
    "negative": np.array([-7, 0, 100]),
    "floats": np.array([1.0, 2.0, 5.0]),
    "booleans": np.array([False, True]),
    "binary strings": np.array(["no", "yes"]),
    "minus and plus one": np.array([-1, 1]),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=list(LABELS))
def test_labels_of_any_kind_come_back(labels):
    kept = len(labels) > IRIS_Y
    X, codes = IRIS_X[kept], IRIS_Y[kept]
    y = labels[codes]
    clf = MLPClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(clf.classes_, labels)
    predicted = clf.predict(X)
    assert predicted.dtype == y.dtype
    assert clf.score(X, y) > 0.9
    by_code = MLPClassifier(**QUICK).fit(X, codes)
    np.testing.assert_array_equal(predicted, labels[by_code.predict(X)])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_categorical_series_and_a_column_of_labels_are_labels(early_stopping):
    params = {**QUICK, "early_stopping": early_stopping}
    names = LABELS["strings"][IRIS_Y]
    expected = MLPClassifier(**params).fit(IRIS_X, names).predict_proba(IRIS_X)
    series = pd.Series(names, dtype="category")
    found = MLPClassifier(**params).fit(IRIS_X, series).predict_proba(IRIS_X)
    np.testing.assert_array_equal(found, expected)
    with pytest.warns(UserWarning, match="column-vector"):
        column = MLPClassifier(**params).fit(IRIS_X, names[:, None])
    np.testing.assert_array_equal(column.predict_proba(IRIS_X), expected)


@pytest.mark.parametrize("cls", by_day(CLASSIFIERS, "MLPClassifier"))
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_decisions_and_labels_agree(cls, n_classes):
    kept = n_classes > IRIS_Y
    X, y = IRIS_X[kept], IRIS_Y[kept]
    clf = cls(**QUICK).fit(X, y)
    probabilities, decisions = clf.predict_proba(X), clf.decision_function(X)
    assert probabilities.shape == (len(X), n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(clf.predict_log_proba(X), np.log(probabilities))
    np.testing.assert_array_equal(clf.predict(X), probabilities.argmax(axis=1))
    if n_classes == 2:
        assert decisions.shape == (len(X),)
        np.testing.assert_array_equal(decisions > 0, clf.predict(X) == 1)
        odds = np.log(probabilities[:, 1] / probabilities[:, 0])
        np.testing.assert_allclose(decisions, odds, atol=1e-6)
    else:
        assert decisions.shape == (len(X), 3)
        np.testing.assert_array_equal(decisions.argmax(axis=1), clf.predict(X))
    assert clf.score(X, y) == accuracy_score(y, clf.predict(X)) > 0.9


@pytest.mark.parametrize("cls", by_day(CLASSIFIERS, "MLPClassifier", "CNNClassifier"))
def test_several_labels_a_sample(cls):
    X, Y = make_multilabel_classification(150, 8, n_classes=3, random_state=0)
    clf = cls(**QUICK).fit(X, Y)
    probabilities = clf.predict_proba(X)
    assert probabilities.shape == clf.decision_function(X).shape == Y.shape
    assert not np.allclose(probabilities.sum(axis=1), 1, atol=0.05)
    predicted = clf.predict(X)
    assert set(np.unique(predicted)) == {0, 1}
    np.testing.assert_array_equal(predicted, probabilities > 0.5)
    always = f1_score(Y, np.ones_like(Y), average="micro")
    assert f1_score(Y, predicted, average="micro") > always + 0.05
    with pytest.raises(ValueError, match="3 indicator columns"):
        clf.partial_fit(X, Y[:, :2])


@pytest.mark.parametrize("table", [np.asarray, pd.DataFrame, csr_matrix])
def test_sparse_labels_are_dense_ones(table):
    X, Y = make_multilabel_classification(150, 8, n_classes=3, random_state=0)
    dense = MLPClassifier(**QUICK).fit(table(X), Y).predict_proba(table(X))
    clf = MLPClassifier(**QUICK).fit(table(X), csr_matrix(Y))
    np.testing.assert_array_equal(clf.predict_proba(table(X)), dense)


def test_targets_that_no_classifier_takes_are_errors():
    clf = MLPClassifier(**QUICK)
    with pytest.raises(ValueError, match="MultiOutputClassifier"):
        clf.fit(IRIS_X, np.column_stack([IRIS_Y, IRIS_Y]))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        clf.fit(IRIS_X, IRIS_Y + 0.5 * IRIS_X[:, 0])
    with pytest.raises(ValueError, match=r"at least two classes.*class \['a'\]"):
        clf.fit(IRIS_X, ["a"] * 150)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clf.fit(IRIS_X, IRIS_Y[:-1])


# ---- numbers -------------------------------------------------------------------------


@pytest.mark.parametrize("cls", by_day(REGRESSORS, "MLPRegressor"))
def test_one_and_several_outputs(cls):
    X, y = DIABETES_X[:120], DIABETES_Y[:120]
    params = {**QUICK, "epochs": 3}
    assert cls(**params).fit(X, y).predict(X).shape == (120,)
    assert cls(**params).fit(X, y[:, None]).predict(X).shape == (120, 1)
    both = np.column_stack([y, 1000 - 3 * y, X[:, 2]])
    model = cls(**QUICK).fit(X, both)
    predicted = model.predict(X)
    assert predicted.shape == (120, 3)
    each = r2_score(both, predicted, multioutput="raw_values")
    assert each.min() > 0.15
    assert model.score(X, both) == pytest.approx(each.mean())
    with pytest.raises(ValueError, match="y must have shape"):
        model.partial_fit(X, y)


@pytest.mark.parametrize("cls", by_day(REGRESSORS, "MLPRegressor"))
@pytest.mark.parametrize(
    ("scale", "shift"), [(1000.0, 5000.0), (1e-6, 0.0), (-1.0, 1e4)]
)
def test_the_unit_of_the_target_does_not_matter(cls, scale, shift):
    X, y = DIABETES_X[:150], DIABETES_Y[:150]
    params = {**QUICK, "epochs": 5}
    plain = cls(**params).fit(X, y)
    moved = cls(**params).fit(X, y * abs(scale) + shift)
    assert moved.score(X, y * abs(scale) + shift) == pytest.approx(
        plain.score(X, y), abs=1e-3
    )
    predicted = (moved.predict(X) - shift) / abs(scale)
    np.testing.assert_allclose(predicted, plain.predict(X), atol=0.5)


def test_without_standardising_the_unit_matters():
    X, y = DIABETES_X[:150], DIABETES_Y[:150]
    scores = [
        MLPRegressor(**QUICK, standardize=False).fit(X, y * unit).score(X, y * unit)
        for unit in (1.0, 0.001)
    ]
    assert abs(scores[0] - scores[1]) > 0.1


def test_the_unit_of_the_features_does_not_matter():
    X = IRIS_X * [1e-4, 1.0, 1e3, 1.0] + [0, 50, 0, 1e4]
    plain = MLPClassifier(**QUICK).fit(IRIS_X, IRIS_Y).predict_proba(IRIS_X)
    moved = MLPClassifier(**QUICK).fit(X, IRIS_Y).predict_proba(X)
    np.testing.assert_allclose(moved, plain, atol=1e-3)


def test_a_target_whose_square_is_not_finite_is_an_error():
    y = np.arange(20.0)
    y[7] = -1e300
    with pytest.raises(ValueError, match=r"y must lie within 1e\+150.* in row 7\.$"):
        MLPRegressor(units=2, epochs=1).fit(np.ones((20, 2)), y)


def test_a_constant_target_is_predicted():
    model = MLPRegressor(**QUICK).fit(IRIS_X, np.full(150, 7.5))
    np.testing.assert_allclose(model.predict(IRIS_X), 7.5, atol=0.2)


# ---- scores against baselines --------------------------------------------------------


@pytest.mark.parametrize("cls", [CNNClassifier, RNNClassifier])
def test_sequence_networks_see_the_order_that_a_linear_model_cannot(cls):
    X, y = make_sessions(n_samples=700, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    params = {**STEPS, "epochs": 25, "learning_rate": 0.005, "random_state": 0}
    clf = cls(**params).fit(X_train, y_train)
    linear = LogisticRegression().fit(X_train.reshape(len(X_train), -1), y_train)
    baseline = linear.score(X_test.reshape(len(X_test), -1), y_test)
    assert baseline < 0.5
    assert clf.score(X_test, y_test) > baseline + 0.3


# By day, test_defaults.py scores one of them on rows with an outlier.
@pytest.mark.nightly
@pytest.mark.parametrize("cls", REGRESSORS)
def test_regressors_with_default_parameters_beat_the_mean(cls):
    scores = cross_val_score(cls(random_state=0), DIABETES_X, DIABETES_Y, cv=3)
    dummy = cross_val_score(DummyRegressor(), DIABETES_X, DIABETES_Y, cv=3)
    assert dummy.mean() < 0
    assert scores.mean() > 0.3


@pytest.mark.parametrize("cls", by_day(CLASSIFIERS, "MLPClassifier"))
def test_classifiers_with_default_parameters_train_to_a_useful_score(cls):
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X[:, :10], y, random_state=0)
    clf = cls(random_state=0).fit(X_train, y_train)
    majority = max(y_test.mean(), 1 - y_test.mean())
    assert majority < 0.65
    assert clf.score(X_test, y_test) > 0.9


def test_an_mlp_learns_what_no_linear_model_can():
    X = np.random.default_rng(0).uniform(-1, 1, size=(400, 2))
    y = X[:, 0] * X[:, 1] > 0
    clf = MLPClassifier(units="32-32", epochs=40, learning_rate=0.01, random_state=0)
    clf.fit(X[:300], y[:300])
    assert LogisticRegression().fit(X[:300], y[:300]).score(X[300:], y[300:]) < 0.7
    assert clf.score(X[300:], y[300:]) > 0.9

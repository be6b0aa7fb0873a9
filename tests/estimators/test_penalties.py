"""Penalties on kernels: what they do, and what "auto" stands for."""

import numpy as np
from sklearn.datasets import load_iris, make_classification
from sklearn.metrics import log_loss

from skrec import MLPClassifier, MLPRegressor, NeuMFClassifier
from tests.plain import PLAIN

X, Y = load_iris(return_X_y=True)
ORDER = np.random.default_rng(0).permutation(len(Y))
X, Y = X[ORDER], Y[ORDER]
SMALL = {"units": 8, "epochs": 5, "learning_rate": 0.01, "random_state": 0}
QUICK = {**PLAIN, **SMALL, "number_embedding": None}


def kernels(estimator):
    return [weight for weight in estimator._state.weights if weight.ndim > 1]


def test_penalties_shrink_the_kernels():
    def norm(**params):
        clf = MLPClassifier(**{**QUICK, "epochs": 30}, **params).fit(X, Y)
        return sum(np.abs(kernel).sum() for kernel in kernels(clf))

    plain = norm()
    assert norm(l1=0.01) < 0.8 * plain
    assert norm(l2=0.05) < 0.8 * plain
    assert norm(l2=0.2) < norm(l2=0.05)


def test_l1_makes_more_weights_tiny_than_l2():
    def tiny(**params):
        clf = MLPClassifier(**{**QUICK, "epochs": 60, **params}).fit(X, Y)
        return np.mean([np.mean(np.abs(kernel) < 0.01) for kernel in kernels(clf)])

    assert tiny(l1=0.03) > tiny(l2=0.03) + 0.1


def test_a_classifier_shrinks_as_logistic_regression_does():
    auto = MLPClassifier(**QUICK).fit(X, Y)
    given = MLPClassifier(**QUICK, l2=1 / len(X)).fit(X, Y)
    without = MLPClassifier(**QUICK, l2=0.0).fit(X, Y)
    assert auto.auto_params_["l2"] == 1 / len(X)
    assert "l2" not in given.auto_params_
    np.testing.assert_array_equal(auto.predict_proba(X), given.predict_proba(X))
    assert np.abs(auto.predict_proba(X) - without.predict_proba(X)).max() > 1e-6


def test_many_rows_need_no_penalty():
    rows = np.random.default_rng(0).normal(size=(5001, 2))
    brief = {**QUICK, "epochs": 1, "batch_size": 1024}
    more = MLPClassifier(**brief).fit(rows, rows[:, 0] > 0)
    assert more.auto_params_["l2"] == 0
    few = MLPClassifier(**brief).fit(rows[:-1], rows[:-1, 0] > 0)
    assert few.auto_params_["l2"] == 1 / 5000


def test_a_regressor_does_not_shrink():
    assert MLPRegressor(**QUICK).fit(X, X[:, 0]).auto_params_["l2"] == 0


def test_a_stream_goes_on_with_the_penalty_of_the_fit():
    fitted = MLPClassifier(**QUICK).fit(X, Y)
    assert fitted.partial_fit(X[:9], Y[:9]).auto_params_["l2"] == 1 / len(X)
    assert MLPClassifier(**QUICK).partial_fit(X, Y).auto_params_["l2"] == 0


def test_few_rows_do_not_make_probabilities_too_sure():
    rows, labels = make_classification(
        300, n_informative=6, flip_y=0.15, class_sep=0.7, random_state=0
    )
    long = {"epochs": 100, "early_stopping": False, "random_state": 0}

    def loss(**params):
        clf = MLPClassifier(**long, **params).fit(rows[:150], labels[:150])
        return log_loss(labels[150:], clf.predict_proba(rows[150:]))

    assert loss() < 0.75 * loss(l2=0.0)


def test_few_pairs_of_ids_are_not_learnt_by_heart():
    rng = np.random.default_rng(0)
    pairs, liked = rng.integers(0, 30, (75, 2)), rng.random((75, 3)) < 0.5

    def surest(**params):
        clf = NeuMFClassifier(**params, random_state=0).fit(pairs, liked.astype(int))
        return np.abs(clf.decision_function(pairs)).max()

    assert surest() < 0.4 * surest(l2=0.0)

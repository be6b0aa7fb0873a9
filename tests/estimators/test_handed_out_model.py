"""`model_` is one model, that of the last fit, whoever asks and whatever is set."""

import pickle
import threading

import keras
import numpy as np
import pytest
from sklearn.datasets import load_iris

from skrec import CNNClassifier, DIENClassifier, MLPClassifier, RNNRegressor
from tests.estimators.tables import make, make_table, make_target
from tests.night import by_day

X2, Y = load_iris(return_X_y=True)
X3 = np.random.default_rng(0).normal(size=(150, 5, 2)).astype("f4")
QUICK = {"units": 6, "epochs": 2, "learning_rate": 0.02, "random_state": 0}
NEXT = {
    "units": 3,
    "dropout": 0.9,
    "l1": 3.0,
    "l2": 5.0,
    "optimizer": "momentum",
    "learning_rate": 9.0,
    "clipnorm": 0.1,
    "batch_norm": True,
    "standardize": False,
    "precision": "float64",
    "activation": "elu",
    "random_state": 7,
}
CASES = {
    "mlp": (lambda **params: MLPClassifier(**QUICK, **params), X2, {}),
    "cnn": (lambda **params: CNNClassifier(**QUICK, **params), X3, {"filters": 2}),
    "rnn": (
        lambda **params: RNNRegressor(**QUICK, **params),
        X3,
        {"cell": "lstm", "padding": None, "bidirectional": True},
    ),
}


def settings_of(model):
    """Return what a model drops, penalises and is trained with."""
    layers = list(model._flatten_layers(include_self=False))
    rates = [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)]
    penalties = [
        regularizer.get_config()
        for layer in layers
        if (regularizer := getattr(layer, "kernel_regularizer", None)) is not None
    ]
    config = model.optimizer.get_config()
    return rates, penalties, config.pop("name") and config, model.count_params()


@pytest.mark.parametrize("case", by_day(["mlp", "cnn", "rnn"], "mlp"))
def test_what_is_set_after_a_fit_waits_for_the_next(case):
    make_one, X, further = CASES[case]
    params = {"dropout": 0.2, "l2": 1e-3, "optimizer": "adam"}
    estimator, twin = (make_one(**params).fit(X, Y) for _ in range(2))
    method = "predict_proba" if hasattr(twin, "predict_proba") else "predict"
    expected = getattr(twin, method)(X)
    estimator.set_params(**NEXT, **further)
    np.testing.assert_array_equal(getattr(estimator, method)(X), expected)
    found, known = estimator.model_, twin.model_
    assert settings_of(found) == settings_of(known)
    assert settings_of(found)[0][0] == 0.2
    np.testing.assert_array_equal(
        found.predict(X, verbose=0), known.predict(X, verbose=0)
    )
    np.testing.assert_array_equal(getattr(estimator, method)(X), expected)


@pytest.mark.parametrize(
    "family",
    by_day(["DeepFM", "LateFusion", "DIEN"], "DeepFM"),
)
def test_what_is_set_on_a_table_waits_too(family):
    table = make_table(60)
    target = make_target(table)
    estimator, twin = (make(family, epochs=1).fit(table, target) for _ in range(2))
    expected = twin.predict_proba(table)
    further = {"alpha": 0.0} if isinstance(estimator, DIENClassifier) else {}
    changed = {"dropout": 0.9, "unknown_share": 0.5, "embedding_dim": 2, "l2": 1.0}
    estimator.set_params(**changed, optimizer="sgd", min_count=9, **further)
    np.testing.assert_array_equal(estimator.predict_proba(table), expected)
    assert settings_of(estimator.model_) == settings_of(twin.model_)
    np.testing.assert_array_equal(estimator.predict_proba(table), expected)


def test_threads_that_ask_at_once_get_one_model():
    estimator = MLPClassifier(**QUICK).fit(X2, Y)
    expected = estimator.predict_proba(X2)
    start, found, pickles = threading.Barrier(6), [], []

    def ask():
        start.wait()
        found.append(estimator.model_)
        pickles.append(pickle.dumps(estimator))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(model is estimator.model_ for model in found)
    for dumped in pickles:
        proba = pickle.loads(dumped).predict_proba(X2)
        np.testing.assert_array_equal(proba, expected)

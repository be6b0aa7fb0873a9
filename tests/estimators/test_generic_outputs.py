"""The generic estimators: targets, outputs, copies and searches."""

import copy
import io
import pickle
from functools import partial

import joblib
import keras
import numpy as np
import pytest
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_diabetes, make_multilabel_classification
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrec import KerasClassifier, KerasRegressor
from tests.estimators.generic_models import (
    CROSS_ENTROPY,
    X,
    Y,
    build,
    build_regression,
    classifier,
)


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(X, Y)


# ---- targets and outputs -------------------------------------------------------------


def test_binary_with_string_labels():
    names = np.array(["stay", "buy"])[(Y == 2).astype(int)]

    def sigmoid(meta):
        layers = [keras.Input((4,)), keras.layers.Dense(1, "sigmoid")]
        return keras.Sequential(layers)

    estimator = classifier(model=sigmoid, loss="binary_crossentropy", epochs=40)
    estimator.fit(X, names)
    assert estimator.classes_.tolist() == ["buy", "stay"]
    assert set(estimator.predict(X)) == {"buy", "stay"}
    proba, decision = estimator.predict_proba(X), estimator.decision_function(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(decision > 0, proba[:, 1] > 0.5)
    assert estimator.predict_proba(X[:1]).shape == (1, 2)
    assert estimator.score(X, names) > 0.9


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), 3),
        (keras.losses.CategoricalCrossentropy(), 3),
        ("categorical_crossentropy", 3),
    ],
)
def test_losses_on_logits_and_one_hot_labels(loss, outputs):
    logits = getattr(loss, "name", "").startswith("sparse")

    def network(meta):
        activation = None if logits else "softmax"
        layers = [keras.Input((4,)), keras.layers.Dense(outputs, activation)]
        return keras.Sequential(layers)

    estimator = classifier(model=network, loss=loss, epochs=60).fit(X, Y)
    np.testing.assert_allclose(estimator.predict_proba(X).sum(axis=1), 1, atol=1e-6)
    assert estimator.score(X, Y) > 0.9


def test_a_loss_and_a_metric_of_the_users_own():
    def double(y_true, y_pred):
        return 2 * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

    def triple(y_true, y_pred):
        return 3 * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

    params = {"optimizer": "sgd", "epochs": 2}
    histories = [
        classifier(loss=loss, metrics=[triple], **params).fit(X, Y).history_
        for loss in (CROSS_ENTROPY, double, triple)
    ]
    # The first epoch's loss grows by more than the step does it good.
    first = [history["loss"][0] for history in histories]
    assert first[1] > 1.5 * first[0]
    assert first[2] > 1.2 * first[1]
    assert histories[0]["triple"][0] == pytest.approx(3 * first[0], rel=1e-5)


def test_multilabel():
    features, labels = make_multilabel_classification(random_state=0, n_labels=2)

    def network(meta):
        layers = [keras.Input((20,)), keras.layers.Dense(5, "sigmoid")]
        return keras.Sequential(layers)

    pipeline = make_pipeline(
        StandardScaler(),
        classifier(model=network, loss="binary_crossentropy", epochs=60),
    )
    pipeline.fit(features, labels)
    assert pipeline.predict(features).shape == labels.shape
    assert (pipeline.predict(features) == labels).mean() > 0.8


def test_regression_beats_the_mean():
    features, target = load_diabetes(return_X_y=True)
    model = make_pipeline(
        StandardScaler(),
        KerasRegressor(
            build_regression,
            loss="mse",
            optimizer="adam",
            optimizer__learning_rate=0.05,
            epochs=60,
            verbose=0,
            random_state=0,
        ),
    )
    score = cross_validate(model, features, target, cv=3)["test_score"].mean()
    mean = cross_validate(DummyRegressor(), features, target, cv=3)["test_score"].mean()
    assert mean < 0.01
    assert score > 0.35


def test_several_regression_targets():
    features, target = load_diabetes(return_X_y=True)
    both = np.column_stack([target, -target])
    reg = KerasRegressor(build_regression, loss="mse", epochs=2, verbose=0)
    assert reg.fit(features, both).predict(features).shape == both.shape


def test_several_heads_with_an_encoder_of_the_users_own():
    class TwoHeads(KerasClassifier):
        @property
        def target_encoder(self):
            return PairEncoder()

    def network(meta):
        inputs = keras.Input((4,))
        x = keras.layers.Dense(8, "relu")(inputs)
        species = keras.layers.Dense(3, "softmax", name="species")(x)
        wide = keras.layers.Dense(1, "sigmoid", name="wide")(x)
        return keras.Model(inputs, [species, wide])

    both = np.column_stack([Y, (X[:, 1] > 0).astype(int)])
    estimator = TwoHeads(
        network,
        loss=[CROSS_ENTROPY, "binary_crossentropy"],
        optimizer="adam",
        optimizer__learning_rate=0.02,
        epochs=30,
        verbose=0,
        random_state=0,
    )
    estimator.fit(X, both, sample_weight=np.ones(len(X)))
    assert (estimator.predict(X) == both).mean() > 0.9


class PairEncoder:
    """Two columns of labels to two heads and back."""

    def fit(self, y):
        return self

    def get_metadata(self):
        return {"n_outputs_expected_": 2, "n_outputs_": 2}

    def transform(self, y):
        return [y[:, 0], y[:, 1:]]

    def inverse_transform(self, outputs):
        return np.column_stack([outputs[0].argmax(axis=1), outputs[1][:, 0] > 0.5])


def test_probabilities_of_two_softmax_outputs_add_up_to_one():
    clf = classifier(epochs=3).fit(X[:100], Y[:100])
    np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1, rtol=1e-14)


# ---- state ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["pickle", "joblib", "deepcopy"])
def test_copies_predict_the_same_and_go_on(fitted, how):
    if how == "pickle":
        again = pickle.loads(pickle.dumps(fitted))
    elif how == "joblib":
        buffer = io.BytesIO()
        joblib.dump(fitted, buffer)
        buffer.seek(0)
        again = joblib.load(buffer)
    else:
        again = copy.deepcopy(fitted)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    straight = copy.deepcopy(fitted).partial_fit(X, Y)
    np.testing.assert_array_equal(
        again.partial_fit(X, Y).predict_proba(X), straight.predict_proba(X)
    )


def test_model_is_authoritative_and_predict_changes_nothing(fitted):
    estimator = copy.deepcopy(fitted)
    before = set(vars(estimator))
    proba = estimator.predict_proba(X)
    assert set(vars(estimator)) == before
    weights = [weight * 0 for weight in estimator.model_.get_weights()]
    estimator.model_.set_weights(weights)
    np.testing.assert_allclose(estimator.predict_proba(X), 1 / 3, atol=1e-6)
    assert np.abs(proba - 1 / 3).max() > 0.1


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_search_over_a_partial_gives_the_same_with_any_number_of_jobs(n_jobs):
    model = partial(build, rate=0.2)
    grid = {"units": [4, 8], "optimizer__learning_rate": [0.01, 0.1]}
    search = GridSearchCV(classifier(model=model, epochs=3), grid, cv=2, n_jobs=n_jobs)
    search.fit(X, Y)
    again = GridSearchCV(classifier(model=model, epochs=3), grid, cv=2).fit(X, Y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], again.cv_results_["mean_test_score"]
    )


def test_scoring_monitor_sees_each_epoch_improve():
    monitor = ScoringMonitor(scoring="neg_log_loss")
    estimator = classifier(epochs=4, callbacks=keras.callbacks.TerminateOnNaN())
    estimator.set_params(callbacks=None).set_callbacks(monitor).fit(X, Y)
    table = monitor.get_logs().data_as_pandas
    scores = table.query("task_name == 'epoch'")["neg_log_loss"].to_numpy()
    assert len(scores) == 4
    assert (np.diff(scores) > 0).all()

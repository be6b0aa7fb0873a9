"""DIN and DIEN on tables: planted interests and orders, the auxiliary loss, errors."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV

from skrec import (
    DeepFMClassifier,
    DIENClassifier,
    DIENRegressor,
    DINClassifier,
    DINRegressor,
)
from skrec.training import cache_info
from tests.plain import STEPS

SHARED = [("item", "history")]
SMALL = {
    **STEPS,
    "embedding_l2": 1e-5,
    "unknown_share": 0.05,
    "units": "16",
    "embedding_dim": 8,
    "shared_embeddings": SHARED,
    "batch_size": 64,
    "learning_rate": 0.01,
    "random_state": 0,
}
DIN = DINClassifier(attention_units="16", **SMALL)
DIEN = DIENClassifier(**SMALL)


def as_table(items, histories):
    names = [[f"i{item}" for item in history] for history in histories]
    return pd.DataFrame({"item": [f"i{item}" for item in items], "history": names})


def interest(n_rows, seed, n_items=50, max_len=10):
    """Click where the item occurs in the history, which half of them do."""
    rng = np.random.default_rng(seed)
    histories = [
        rng.integers(0, n_items, rng.integers(1, max_len)) for _ in "." * n_rows
    ]
    items = [
        rng.choice(history) if rng.random() < 0.5 else rng.integers(0, n_items)
        for history in histories
    ]
    y = [item in history for item, history in zip(items, histories, strict=True)]
    return as_table(items, histories), np.array(y).astype(int)


def order(n_rows, seed, n_items=8, length=4):
    """Click where the item is the last of the history, in which it is in any case."""
    rng = np.random.default_rng(seed)
    histories = np.array([rng.permutation(n_items)[:length] for _ in range(n_rows)])
    places = np.where(rng.random(n_rows) < 0.5, -1, rng.integers(0, length, n_rows))
    items = histories[np.arange(n_rows), places]
    return as_table(items, histories), (items == histories[:, -1]).astype(int)


def auc(classifier, X, y):
    return roc_auc_score(y, classifier.predict_proba(X)[:, 1])


@pytest.fixture(scope="module")
def few():
    return interest(200, seed=2, n_items=20, max_len=6)


# ---- what they are for ---------------------------------------------------------------


def test_din_finds_an_interest_that_an_average_hides():
    X, y = interest(3000, seed=0)
    X_new, y_new = interest(2000, seed=1)
    din = clone(DIN).set_params(epochs=12).fit(X, y)
    averaging = DeepFMClassifier(**{**SMALL, "epochs": 8}).fit(X, y)
    assert auc(din, X_new, y_new) > 0.97
    assert auc(averaging, X_new, y_new) < 0.9


@pytest.mark.nightly
def test_dien_learns_an_order_that_neither_an_average_nor_din_sees():
    X, y = order(3000, seed=0)
    X_new, y_new = order(1000, seed=1)
    dien = clone(DIEN).set_params(epochs=12).fit(X, y)
    assert auc(dien, X_new, y_new) > 0.95
    for other in (DIN, DeepFMClassifier(**SMALL)):
        blind = clone(other).set_params(epochs=12).fit(X, y)
        assert auc(blind, X_new, y_new) < 0.65


# By day, one of the two: what differs between them ends before the outputs.
@pytest.mark.parametrize(
    "classifier", [DIN, pytest.param(DIEN, marks=pytest.mark.nightly)]
)
def test_several_classes(classifier, few):
    X, y = few
    labels = np.where(y == 1, "old", np.where(X["item"] < "i3", "low", "new"))
    fitted = clone(classifier).set_params(epochs=20).fit(X, labels)
    assert fitted.predict_proba(X).shape == (200, 3)
    assert fitted.score(X, labels) > 0.7


# By day, several classes are learnt, above.
@pytest.mark.nightly
@pytest.mark.parametrize(
    "kind", [DINRegressor, pytest.param(DIENRegressor, marks=pytest.mark.nightly)]
)
def test_several_numbers(kind, few):
    X, y = few
    numbers = np.column_stack([5 + y, X["history"].str.len()]).astype(float)
    fitted = kind(**{**SMALL, "epochs": 20}).fit(X, numbers)
    assert fitted.predict(X).shape == (200, 2)
    assert fitted.score(X, numbers) > 0.5


# ---- the auxiliary loss --------------------------------------------------------------


@pytest.mark.nightly
def test_the_auxiliary_loss_is_in_the_training_loss_alone(few):
    X, y = few
    X_val, y_val = X[:50], y[:50]
    with_it = clone(DIEN).set_params(epochs=2).fit(X, y, X_val=X_val, y_val=y_val)
    without = clone(DIEN).set_params(epochs=2, alpha=0).fit(X, y)
    assert with_it.history_["loss"][0] > without.history_["loss"][0] + 0.5
    expected = log_loss(y_val, with_it.predict_proba(X_val))
    penalty = 1e-5 * np.square(with_it._state.weights[0]).sum()
    found = with_it.history_["val_loss"][-1]
    assert found == pytest.approx(expected + penalty, rel=1e-4)
    assert with_it.decision_function(X).shape == (200,)
    assert not np.allclose(with_it.predict_proba(X), without.predict_proba(X))


def test_a_seed_fixes_the_negatives_and_every_alpha_shares_one_program(few):
    X, y = few
    first, again = (clone(DIEN).set_params(epochs=2).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    n_traces = cache_info().traces
    half = clone(DIEN).set_params(epochs=1, alpha=0.5).fit(X, y)
    assert cache_info().traces == n_traces
    # Untrained products are near 0; a history of one step has no next one.
    expected = 0.5 * 2 * np.log(2) * (X["history"].str.len() > 1).mean()
    difference = first.history_["loss"][0] - half.history_["loss"][0]
    assert difference == pytest.approx(expected, rel=0.1)


def test_model_fit_draws_the_same_negatives(few):
    class Between(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    X, y = few
    graph = clone(DIEN).set_params(epochs=2).fit(X, y)
    keras_fit = clone(DIEN).set_params(epochs=2, callbacks=Between()).fit(X, y)
    np.testing.assert_allclose(
        keras_fit.predict_proba(X), graph.predict_proba(X), rtol=1e-3
    )


# ---- contracts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator", [pytest.param(DIN, marks=pytest.mark.nightly), DIEN]
)
def test_copies_predict_the_same_and_model_can_go_on(estimator, few, tmp_path):
    X, y = few
    fitted = clone(estimator).set_params(epochs=2).fit(X, y)
    expected = fitted.predict_proba(X)
    unpickled = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(unpickled.predict_proba(X), expected)
    encoded = fitted.encoder_.transform(X)
    fitted.model_.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(encoded, verbose=0)[:, 0], expected[:, 1], rtol=1e-4
    )
    history = fitted.model_.fit(encoded, y[:, None].astype(float), verbose=0).history
    assert history["loss"][0] == pytest.approx(log_loss(y, expected), abs=0.05)
    assert not np.allclose(fitted.predict_proba(X), expected)


@pytest.mark.parametrize("estimator", [DIN, DIEN])
def test_rows_of_weight_zero_are_as_good_as_left_out(estimator, few):
    X, y = few
    weight = np.repeat([1.0, 0.0], [150, 50])
    weighted = clone(estimator).set_params(epochs=2).fit(X, y, sample_weight=weight)
    without = clone(estimator).set_params(epochs=2).fit(X[:150], y[:150])
    np.testing.assert_array_equal(weighted.predict_proba(X), without.predict_proba(X))


@pytest.mark.nightly
def test_a_search_over_the_parameters_of_the_paper(few):
    search = GridSearchCV(
        clone(DIEN).set_params(epochs=1),
        {"alpha": [0.5, 1.0], "gru_type": ["augru", "agru"]},
        cv=2,
        error_score="raise",
    ).fit(*few)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_empty_and_unseen_histories_are_predicted(few):
    X, y = few
    fitted = clone(DIEN).set_params(epochs=1).fit(X, y)
    new = pd.DataFrame({"item": ["i1", "?"], "history": [[], ["?", "!"]]})
    assert np.isfinite(fitted.predict_proba(new)).all()


def test_histories_find_the_first_id_column_of_their_group():
    X = pd.DataFrame(
        {
            "other": ["a", "b"] * 4,
            "tags": [["x"], ["y", "x"]] * 4,
            "seen": [["p"], ["q", "p"]] * 4,
            "item": ["p", "q"] * 4,
            "bought": [["q"], []] * 4,
            "next": ["q", "p"] * 4,
        }
    )
    groups = [("item", "seen", "bought", "next")]
    fitted = DINClassifier("4", shared_embeddings=groups, epochs=1, random_state=0)
    fitted.fit(X, [0, 1] * 4)
    assert dict(fitted._spec.options)["pairs"] == ((1, 1), (1, 2))


@pytest.mark.parametrize("kind", [DINClassifier, DIENRegressor])
def test_a_history_without_a_target_says_what_to_write(kind, few):
    X, y = few
    message = (
        r"pass shared_embeddings=\[\('<target column>', 'history'\)\]. "
        r"Received: shared_embeddings=None, and the columns \['history'\] of lists"
    )
    with pytest.raises(ValueError, match=message):
        kind().fit(X, y)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (DINClassifier, {"attention_units": "80-x"}),
        (DINClassifier, {"activation": "dise"}),
        (DIENClassifier, {"gru_type": "AUGRU"}),
        (DIENClassifier, {"alpha": -1}),
    ],
)
def test_bad_parameters_name_themselves(kind, parameters, few):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        kind(**{**SMALL, **parameters}).fit(*few)

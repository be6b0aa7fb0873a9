"""`best_epoch_`: the epoch whose weights are kept, whichever way a fit came about."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone

from skrec import MLPClassifier
from tests.estimators.tables import make, make_table, make_target
from tests.plain import PLAIN

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = (X[:, 0] + RNG.normal(size=120) > 0).astype(int)
# So fast that the best epoch is neither the first nor the last.
OWN = {**PLAIN, "units": 16, "epochs": 12, "learning_rate": 0.02, "random_state": 0}
STOPS = {"early_stopping": True, "n_iter_no_change": 4}
EPOCHWISE = keras.callbacks.EarlyStopping("loss", patience=99)


class BetweenBatches(keras.callbacks.Callback):
    """Makes a fit go through `Model.fit`."""

    def on_train_batch_end(self, batch, logs=None):
        pass


def learnable(**params):
    """Return an estimator, and validation rows like those of X."""
    rng = np.random.default_rng(1)
    X_val = rng.normal(size=(60, 4))
    y_val = (X_val[:, 0] + rng.normal(size=60) > 0).astype(int)
    model = MLPClassifier(**{**OWN, **STOPS, **params})
    return model, {"X_val": X_val, "y_val": y_val}


@pytest.mark.parametrize("scoring", ["loss", "roc_auc"])
def test_it_is_the_epoch_with_whose_weights_is_predicted(scoring):
    model, validation = learnable(scoring=scoring)
    model.fit(X, Y, **validation)
    if scoring == "loss":
        best = int(np.argmin(model.history_["val_loss"])) + 1
    else:
        best = int(np.argmax(model.history_["val_auc"])) + 1
    assert 1 < best < model.n_iter_
    assert model.best_epoch_ == best
    assert type(model.best_epoch_) is int
    short = clone(model).set_params(epochs=best, early_stopping=False)
    short.fit(X, Y, **validation)
    assert (short.best_epoch_, short.n_iter_) == (best, best)
    np.testing.assert_array_equal(short.predict_proba(X), model.predict_proba(X))


def test_without_validation_it_is_the_last():
    model = MLPClassifier(**OWN).fit(X, Y)
    assert model.best_epoch_ == model.n_iter_ == 12
    scored = clone(model).fit(X, Y, **learnable()[1])  # but nothing is chosen by it
    assert scored.best_epoch_ == 12
    model.partial_fit(X, Y)
    assert model.best_epoch_ == model.n_iter_ == 13


@pytest.mark.parametrize("callbacks", [None, EPOCHWISE])
def test_a_start_that_nothing_was_better_than_is_0(callbacks):
    own = {"learning_rate": 3.0, "linear_start": True, "callbacks": callbacks}
    model, validation = learnable(**own)
    assert model.fit(X, Y, **validation).best_epoch_ == 0
    assert model.n_iter_ > 0


# By day, tests/training/test_loop.py compares the epochs that both restore.
@pytest.mark.nightly
def test_model_fit_and_the_loop_agree():
    model, validation = learnable(warm_start=True)
    batchwise = clone(model).set_params(callbacks=BetweenBatches())
    for rate in (0.02, 3.0):
        found = [
            one.set_params(learning_rate=rate).fit(X, Y, **validation).best_epoch_
            for one in (model, batchwise)
        ]
        assert found[0] == found[1] > 1


@pytest.mark.parametrize("callbacks", [None, EPOCHWISE])
def test_it_is_the_same_after_a_recall_and_a_pickle(callbacks, tmp_path, trained):
    model, validation = learnable(callbacks=callbacks)
    plain = clone(model).fit(X, Y, **validation)
    model.set_params(memory=tmp_path).fit(X, Y, **validation)
    n_trained = len(trained)
    found = clone(model).fit(X, Y, **validation)
    assert len(trained) == n_trained
    copied = pickle.loads(pickle.dumps(found))
    epochs = {one.best_epoch_ for one in (plain, model, found, copied)}
    assert epochs == {int(np.argmin(plain.history_["val_loss"])) + 1}


def test_a_warm_start_counts_on_from_the_first_call():
    model, validation = learnable(warm_start=True)
    first = model.fit(X, Y, **validation).best_epoch_
    n_first, known = model.n_iter_, model.predict_proba(X)
    # Nothing that a rate of 3 does is better: the weights of the first call stay.
    model.set_params(learning_rate=3.0).fit(X, Y, **validation)
    assert model.best_epoch_ == first < n_first < model.n_iter_
    np.testing.assert_array_equal(model.predict_proba(X), known)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:The validation AUC stayed at chance")
def test_so_does_one_whose_tables_have_grown():
    table = make_table()
    y = make_target(table)
    own = {**STOPS, "learning_rate": 0.05, "epochs": 8, "warm_start": True}
    model = make("DeepFM", **own).fit(table, y, X_val=table[:60], y_val=1 - y[:60])
    first = model.best_epoch_
    assert first < model.n_iter_
    more = table.assign(item=table["item"] + "!")
    model.set_params(learning_rate=3.0)
    model.fit(more, y, X_val=table[:60], y_val=1 - y[:60])
    assert model.best_epoch_ == first

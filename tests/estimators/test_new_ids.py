"""What a network says of ids that it has never seen: about what their column says."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

import skrec
from skrec.training import cache_clear, cache_info
from tests.estimators.tables import FAMILIES, PAIR, make, make_table, make_target
from tests.plain import PLAIN, STEPS

RATE = 0.07
SETTINGS = {"epochs": 4, "learning_rate": 0.003, "batch_size": 256}


def draw_clicks(n_rows, first_user, rng):
    """Draw rare clicks that depend on the user and the item, 10 or so a user."""
    effects = np.random.default_rng(1).normal(0, 0.7, (2, 1200))
    user = rng.integers(first_user, first_user + 600, n_rows)
    item = rng.integers(0, 30, n_rows)
    logits = np.log(RATE) - 0.4 + effects[0, user] + effects[1, item]
    X = pd.DataFrame({"user": user.astype(str), "item": [f"i{k}" for k in item]})
    X["browsed"] = [[f"i{k}" for k in rng.integers(0, 30, 3)] for _ in range(n_rows)]
    return X, (rng.random(n_rows) < 1 / (1 + np.exp(-logits))).astype(int)


def columns_of(family):
    return (
        ["user", "item", "browsed"]
        if "shared_embeddings" in FAMILIES[family]
        else [
            "user",
            "item",
        ]
    )


# By day, some families, as the others do the same.
def by_day_and_night(families, *by_day):
    return [
        pytest.param(name, marks=() if name in by_day else pytest.mark.nightly)
        for name in families
    ]


@pytest.mark.nightly
@pytest.mark.parametrize("family", by_day_and_night(FAMILIES, "DeepFM", "NeuMF"))
def test_new_users_and_items_click_as_often_as_the_others(family):
    rng = np.random.default_rng(0)
    X, y = draw_clicks(6000, 0, rng)
    new, clicked = draw_clicks(3000, 600, rng)
    columns = columns_of(family)
    model = make(family, **SETTINGS).fit(X[columns], y)
    found = model.predict_proba(new[columns])[:, 1]
    assert found.mean() == pytest.approx(clicked.mean(), abs=0.02)
    constant = log_loss(clicked, np.full(len(clicked), y.mean()))
    assert log_loss(clicked, found) < constant
    both = new[columns].assign(item="new")
    assert model.predict_proba(both)[:, 1].mean() == pytest.approx(y.mean(), abs=0.04)


@pytest.mark.parametrize("family", by_day_and_night(["MLP", "FM", "NeuMF"], "NeuMF"))
def test_new_users_get_the_mean_of_ratings(family):
    rng = np.random.default_rng(0)
    X, _ = draw_clicks(6000, 0, rng)
    X = X[["user", "item"]]
    liking = rng.normal(0, 1, 600)[X["user"].astype(int)]
    y = 100 + 5 * liking + rng.normal(0, 1, len(X))
    settings = {**SETTINGS, "learning_rate": 0.02}
    model = make(family, "Regressor", **settings).fit(X, y)
    assert model.score(X, y) > 0.5
    assert model.predict(X.assign(user="new")).mean() == pytest.approx(100, abs=1)


# ---- where the outputs start ---------------------------------------------------------


EVERY = [*FAMILIES, "CNN", "RNN"]
ROWS = make_table()
NUMBERS = np.random.default_rng(0).normal(size=(240, 3))
BARELY = {**STEPS, "epochs": 1, "learning_rate": 1e-12}
WEIGHT = np.random.default_rng(1).uniform(0.1, 3, size=240)


def started(family, kind, y, weight=None, **params):
    """Return the output layer's bias as training finds it, without a linear model."""
    if family in FAMILIES:
        columns = ["user", "item"] if family == "NeuMF" else list(ROWS)
        X, model = ROWS[columns], make(family, kind, **BARELY, **params)
    else:
        own = {**BARELY, "random_state": 0, **params}
        X, model = NUMBERS, getattr(skrec, family + kind)(**own)
    if "linear_start" in model.get_params():
        model.set_params(linear_start=False)
    model.fit(X, y, sample_weight=weight)
    layers = {weight.path: weight for weight in model._keras_model().weights}
    (index,) = [k for k, path in enumerate(layers) if path.endswith("logits/bias")]
    return model._state.weights[index]


@pytest.mark.parametrize("family", by_day_and_night(EVERY, "CNN"))
def test_outputs_start_at_the_base_rate_of_the_weighted_target(family):
    rng = np.random.default_rng(0)
    y = (rng.random(240) < 0.2).astype(int)
    rate = np.average(y, weights=WEIGHT)
    found = started(family, "Classifier", y, WEIGHT)
    np.testing.assert_allclose(found, [np.log(rate / (1 - rate))], atol=1e-5)
    classes = rng.choice(3, 240, p=[0.7, 0.2, 0.1])
    shares = np.bincount(classes, WEIGHT) / WEIGHT.sum()
    found = started(family, "Classifier", np.array(list("abc"))[classes], WEIGHT)
    np.testing.assert_allclose(found, np.log(shares), atol=1e-5)
    numbers = rng.normal(1000, 1, 240)
    mean = np.average(numbers, weights=WEIGHT)
    found = started(family, "Regressor", numbers, WEIGHT, standardize=False)
    np.testing.assert_allclose(found, [mean], rtol=1e-6)
    found = started(family, "Regressor", numbers, WEIGHT)
    np.testing.assert_allclose(found, [0.0], atol=1e-6)


def test_each_label_starts_at_its_own_rate_and_one_that_never_occurs_too():
    labels = np.column_stack([np.arange(240) % 4 == 0, np.zeros(240), np.ones(240)])
    found = started("MLP", "Classifier", labels.astype(int))
    expected = [-np.log(3), np.log(0.5 / 240), np.log(240 / 0.5)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_class_that_comes_later_can_be_learnt():
    y = np.where(NUMBERS[:, 0] > 0, "b", "a")
    params = {**PLAIN, "learning_rate": 0.03, "random_state": 0}
    model = skrec.MLPClassifier(units=8, **params)
    model.partial_fit(NUMBERS, y, classes=["a", "b", "c"])
    assert 0 < model.predict_proba(NUMBERS)[:, 2].max() < 0.1
    for _ in range(30):
        model.partial_fit(NUMBERS, np.where(NUMBERS[:, 1] > 0, "c", y))
    assert (model.predict(NUMBERS) == "c")[NUMBERS[:, 1] > 0].mean() > 0.9


# ---- how ids become unknown ----------------------------------------------------------


def test_the_share_is_no_shape_of_the_graph():
    X, y = ROWS[["user", "item"]], make_target(ROWS)
    cache_clear()
    before = cache_info().traces
    shares = {"unknown_share": [0.05, 0.1, 0.3]}
    search = GridSearchCV(make("DeepFM"), shares, cv=2).fit(X, y)
    assert cache_info().traces == before + 1
    assert len(set(search.cv_results_["mean_test_score"])) > 1


@pytest.mark.parametrize("family", by_day_and_night(["DeepFM", "DIEN"], "DeepFM"))
@pytest.mark.parametrize("dropout", [pytest.param(0.0, marks=pytest.mark.nightly), 0.3])
def test_model_fit_draws_the_same_ids(family, dropout):
    X = ROWS
    y = make_target(ROWS)
    batches = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: None
    )
    params = {"unknown_share": 0.4, "dropout": dropout, "precision": "float64"}
    ours, theirs = (
        make(family, callbacks=callbacks, **params).fit(X, y).predict_proba(X)
        for callbacks in (None, [batches])
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    without = make(family, **{**params, "unknown_share": 0.0}).fit(X, y)
    assert np.abs(without.predict_proba(X) - ours).max() > 1e-3


def test_a_share_of_zero_leaves_the_vector_of_unknown_as_it_was():
    def moved(share):
        params = {"embedding_l2": 0.0, "unknown_share": share}
        first, last = (
            make("FM", **params, epochs=n)
            .fit(ROWS[["user", "item"]], make_target(ROWS))
            .embeddings_("user", special=True)
            for n in (1, 4)
        )
        return np.abs(last - first).loc[["<unknown>", "<missing>"]].to_numpy().max()

    assert moved(0.0) == 0
    assert moved(0.1) > 1e-3


def test_special_rows_are_those_of_unknown_and_missing_ids():
    X = ROWS[["user", "item"]].assign(user=ROWS["user"].where(ROWS.index > 20))
    model = make("FM").fit(X, make_target(ROWS))
    table = model.embeddings_("user", special=True)
    assert table.index[-2:].tolist() == ["<unknown>", "<missing>"]
    pd.testing.assert_frame_equal(
        table[:-2], model.embeddings_("user"), check_index_type=False
    )
    assert not np.array_equal(table.loc["<unknown>"], table.loc["<missing>"])
    items = model.embeddings_("item", special=True)
    np.testing.assert_array_equal(items.loc["<unknown>"], items.loc["<missing>"])


# ---- penalties of a machine on ids ---------------------------------------------------


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_a_penalty_that_reaches_nothing_is_an_error(penalty):
    X, y = ROWS[["user", "item"]], make_target(ROWS)
    with pytest.raises(ValueError, match=f"set embedding_l2.*{penalty}=0.1"):
        make("FM", **{penalty: 0.1}).fit(X, y)
    plain = make("FM", "Regressor", embedding_l2=0.0).fit(ROWS, y)
    other = make("FM", "Regressor", embedding_l2=0.0, **{penalty: 1.0}).fit(ROWS, y)
    assert np.abs(other.predict(ROWS) - plain.predict(ROWS)).max() > 1e-4


def test_pairs_share_their_vectors_with_what_is_unknown():
    model = make("DIN").fit(ROWS, make_target(ROWS))
    item, browsed = (
        model.embeddings_(name, special=True) for name in PAIR["shared_embeddings"][0]
    )
    np.testing.assert_array_equal(item, browsed)

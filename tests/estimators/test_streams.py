"""Streams: tables grow with `partial_fit` and `warm_start`, and nothing else moves."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from skrec import LateFusionClassifier
from skrec.training import cache_clear, cache_info
from tests.estimators.tables import FAMILIES, columns_of, make, make_table

HELD = {"learning_rate": 1e-12, "embedding_l2": 0.0}


def a_day(first_user, n_rows=240, seed=0):
    """Draw rows of twenty users of a day, who like by their number, odd or even."""
    rng = np.random.default_rng([seed, first_user])
    table = make_table(n_rows, seed=seed)
    number = rng.integers(first_user, first_user + 20, n_rows)
    return table.assign(user=[f"u{k:03}" for k in number]), number % 2


# By day, one of each kind: the tables of the others grow as theirs do.
BY_DAY = ("DIN",)


def by_day_and_night(families):
    return [
        pytest.param(name, marks=() if name in BY_DAY else pytest.mark.nightly)
        for name in families
    ]


@pytest.mark.parametrize("family", by_day_and_night(FAMILIES))
def test_new_ids_start_as_unknown_and_known_ones_keep_what_they_are(family):
    columns = columns_of(family)
    (X, y), (X2, y2) = a_day(0), a_day(20)
    X["user"] = X["user"].where(X.index % 9 > 0)  # a missing user is known too
    model = make(family).fit(X[columns], y)
    model.set_params(**HELD)
    before, unknown = model.predict_proba(X[columns]), model.predict_proba(X2[columns])
    codes = model.encoder_.transform(X[columns].dropna())["ids"]
    model.partial_fit(X2[columns], y2)
    assert len(model.embeddings_("user")) == 40
    np.testing.assert_array_equal(
        model.encoder_.transform(X[columns].dropna())["ids"], codes
    )
    np.testing.assert_allclose(model.predict_proba(X[columns]), before, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(X2[columns]), unknown, atol=1e-6)
    copy = pickle.loads(pickle.dumps(model))
    model.set_params(learning_rate=0.05)
    copy.set_params(learning_rate=0.05)
    for _ in range(15):
        model.partial_fit(X2[columns], y2)
        copy.partial_fit(X2[columns], y2)
    found = model.predict_proba(X2[columns])[:, 1]
    assert roc_auc_score(y2, found) > 0.95
    np.testing.assert_array_equal(copy.predict_proba(X2[columns])[:, 1], found)


@pytest.mark.parametrize(
    ("way", "first_rows"),
    [
        pytest.param("partial_fit", 1, marks=pytest.mark.nightly),
        pytest.param("partial_fit", 240, marks=pytest.mark.nightly),
        pytest.param("warm_start", 1, marks=pytest.mark.nightly),
        ("warm_start", 240),
    ],
)
def test_five_days_are_learnt(way, first_rows):
    model = make("DeepFM", warm_start=True, epochs=15)
    for day in range(5):
        X, y = a_day(20 * day)
        X, y = (X[:first_rows], y[:first_rows]) if day == 0 else (X, y)
        for _ in range(15 if way == "partial_fit" else 1):
            if way == "partial_fit":
                model.partial_fit(X[["user", "item"]], y, classes=[0, 1])
            elif len(set(y)) == 2:
                model.fit(X[["user", "item"]], y)
        known = len(model.embeddings_("user")) if day or first_rows > 1 else None
    assert known >= 80
    assert roc_auc_score(y, model.predict_proba(X[["user", "item"]])[:, 1]) > 0.9


@pytest.mark.nightly
def test_a_stream_of_new_ids_is_traced_a_few_times_in_each_octave():
    model = make("FM")
    cache_clear()
    before = cache_info().traces
    for day in range(11):
        X, y = a_day(day)  # one more user
        model.partial_fit(X[["user"]], y, classes=[0, 1])
    assert len(model.embeddings_("user")) == 30
    assert cache_info().traces - before <= 6  # 8 in an octave
    n_before = cache_info().traces
    model.partial_fit(X[["user"]], y)
    assert cache_info().traces == n_before


@pytest.mark.parametrize(
    "family",
    by_day_and_night(["MLP", "WideDeep", "FM", "DeepFM", "DCN", "LateFusion"]),
)
def test_numbers_that_are_missing_for_the_first_time_get_an_indicator(family):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"user": rng.choice(list("abc"), 300)})
    X["price"], X["age"] = rng.normal(size=(2, 300))
    X["age"] = X["age"].where(X.index % 5 > 0)
    # As they are, so that the same prices again do not move their scale.
    model = make(family, standardize=False).fit(X, X["price"] > 0)
    model.set_params(**HELD)
    assert model.encoder_.indicators_ == [1]
    before = model.predict_proba(X)
    holes = X.assign(price=X["price"].where(rng.random(300) < 0.5))
    y = holes["price"].isna()
    model.partial_fit(holes, y)
    assert model.encoder_.indicators_ == [1, 0]
    np.testing.assert_allclose(model.predict_proba(X), before, atol=1e-5)
    model.set_params(learning_rate=0.03)
    for _ in range(25):
        model.partial_fit(holes, y)
    assert roc_auc_score(y, model.predict_proba(holes)[:, 1]) > 0.99


def test_groups_of_late_fusion_grow_with_their_numbers():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(100, 3)), columns=list("abc"))
    groups = [["a", "b"], ["c"]]
    model = LateFusionClassifier(8, 4, groups=groups, random_state=0)
    model.partial_fit(X, X["a"] > 0, classes=[False, True])
    model.partial_fit(X.mask(rng.random(X.shape) < 0.3), X["a"] > 0)
    assert model.encoder_.indicators_ == [0, 1, 2]
    model.set_params(groups=[["a"], ["b", "c"]])
    with pytest.raises(ValueError, match="shapes the network was changed"):
        model.partial_fit(X, X["a"] > 0)


def test_longer_lists_are_read_whole():
    X = pd.DataFrame({"seen": [["a"], ["b"], ["a", "b"]] * 20})
    model = make("MLP", learning_rate=0.05).fit(X, [0, 1, 1] * 20)
    longer = pd.DataFrame({"seen": [["c", *"ab" * 4], ["a", *"ab" * 4]] * 30})
    for _ in range(60):
        model.partial_fit(longer, [0, 1] * 30)
    assert model.score(longer, [0, 1] * 30) == 1
    assert model.encoder_.spec_.sequences[0].length >= 9


@pytest.mark.nightly
def test_lengths_of_auto_stay_when_tables_grow():
    (X, y), (X2, y2) = a_day(0), a_day(20)
    model = make("DCN", embedding_dim="auto").fit(X, y)
    n_dims = model.embeddings_("user").shape[1]
    model.partial_fit(X2, y2)
    assert model.embeddings_("user").shape == (40, n_dims)


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"optimizer": "momentum"}, marks=pytest.mark.nightly),
        pytest.param({"optimizer": "rmsprop"}, marks=pytest.mark.nightly),
        pytest.param({"optimizer": "adagrad"}, marks=pytest.mark.nightly),
        pytest.param(
            {"optimizer_params": {"amsgrad": True}}, marks=pytest.mark.nightly
        ),
        pytest.param({"precision": "mixed_bfloat16"}, marks=pytest.mark.nightly),
        {"optimizer": "adafactor"},
    ],
    ids=lambda params: "-".join(map(str, params.values())),
)
def test_slots_of_every_optimizer_grow(params):
    import keras

    if params.get("optimizer") == "adafactor":
        params = {"optimizer": keras.optimizers.Adafactor}
    (X, y), (X2, y2) = a_day(0), a_day(30)
    model = make("WideDeep", **params).fit(X[["user", "item"]], y)
    slots = model._state.optimizer
    model.partial_fit(X2[["user", "item"]], y2)
    assert np.isfinite(model.predict_proba(X2[["user", "item"]])).all()
    assert int(model._state.optimizer[0]) > int(slots[0])  # steps go on being counted
    model.set_params(optimizer="sgd", optimizer_params=None)
    model.partial_fit(a_day(60)[0][["user", "item"]], y)
    assert len(model.embeddings_("user")) == 60


def test_a_call_that_fails_leaves_tables_as_they_were(snapshot):
    (X, y), (X2, _) = a_day(0), a_day(20)
    model = make("DeepFM").fit(X, y)
    before = snapshot(model)
    with pytest.raises(ValueError, match="not given before"):
        model.partial_fit(X2, np.full(len(X2), 7))
    with pytest.raises(ValueError, match="held strings in fit"):
        model.partial_fit(X2.assign(user=5).astype({"user": "category"}), y)
    model.set_params(learning_rate=1e30)
    with pytest.raises(FloatingPointError):
        for _ in range(5):
            model.partial_fit(X2, y)
    model.set_params(learning_rate=0.01)
    if snapshot(model) != before:  # calls before the one that failed were no failures
        assert len(model.embeddings_("user")) == 40


def test_rare_ids_of_a_call_stay_unknown():
    (X, y), (X2, y2) = a_day(0), a_day(20)
    X2.loc[0, "user"] = "once"
    model = make("FM", min_count=2).fit(X[["user", "item"]], y)
    model.partial_fit(X2[["user", "item"]], y2)
    assert "once" not in model.embeddings_("user").index
    assert len(model.embeddings_("user")) == 40


@pytest.mark.parametrize(
    "change",
    [
        {"categorical_features": ["user", "item"]},
        {"sequence_features": {"seen": 0}},
        {"shared_embeddings": [("item", "seen")]},
        {"min_count": 2},
        {"max_len": 3},
        {"user_column": "user"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_how_tables_are_encoded_is_refused(change):
    (name,) = change
    (X, y), (X2, y2) = a_day(0), a_day(20)
    model = make("NeuMF" if name == "user_column" else "FM", epochs=1)
    model.fit(X[["user", "item"]], y)
    with pytest.raises(ValueError, match=f"^{name} was changed since the first fit"):
        model.set_params(**change).partial_fit(X2[["user", "item"]], y2)

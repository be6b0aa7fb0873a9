"""Neural matrix factorisation: planted tastes, the two columns, unseen ids."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score, root_mean_squared_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skrec import NeuMFClassifier, NeuMFRegressor
from tests.plain import PLAIN

FAST = {
    **PLAIN,
    "embedding_l2": 1e-5,
    "num_factors": 4,
    "units": "16-8",
    "learning_rate": 0.02,
    "batch_size": 128,
    "epochs": 25,
    "random_state": 0,
}


def taste(n_users=40, n_items=30, seed=0):
    """Draw tastes that only the product of two factors, or their signs, tells."""
    rng = np.random.default_rng(seed)
    user, item = rng.choice([-1.0, 1.0], n_users), rng.choice([-1.0, 1.0], n_items)
    pairs = np.indices((n_users, n_items)).reshape(2, -1).T
    rng.shuffle(pairs)
    X = pd.DataFrame(pairs, columns=["user", "item"])
    return X, user[pairs[:, 0]] * item[pairs[:, 1]], rng


@pytest.fixture(scope="module")
def ratings():
    X, liked, rng = taste()
    bias = rng.normal(size=40)[X["user"]] + rng.normal(size=30)[X["item"]]
    return X, 3 + bias + liked + rng.normal(0, 0.2, len(X))


@pytest.fixture(scope="module")
def clicks():
    X, liked, rng = taste()
    return X, np.where(liked + rng.normal(0, 0.3, len(X)) > 0, "yes", "no")


@pytest.fixture(scope="module")
def rater(ratings):
    X, y = ratings
    return NeuMFRegressor(**FAST).fit(X[:900], y[:900])


@pytest.fixture(scope="module")
def voter(clicks):
    X, y = clicks
    return NeuMFClassifier(**FAST).fit(X[:900], y[:900])


# ---- what it learns ------------------------------------------------------------------


@pytest.mark.nightly
@pytest.mark.parametrize("structure", ["gmf", "mlp", "neumf"])
def test_ratings_have_a_structure_that_biases_cannot_find(ratings, structure):
    X, y = ratings
    biases = make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge())
    biases.fit(X[:900], y[:900])
    model = NeuMFRegressor(structure, **FAST).fit(X[:900], y[:900])
    error = root_mean_squared_error(y[900:], model.predict(X[900:]))
    assert error < 0.5
    assert root_mean_squared_error(y[900:], biases.predict(X[900:])) > 0.95


def test_clicks_have_a_structure_that_biases_cannot_find(clicks, voter):
    X, y = clicks
    biases = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(X[:900], y[:900])
    assert list(voter.classes_) == ["no", "yes"]
    assert roc_auc_score(y[900:], voter.predict_proba(X[900:])[:, 1]) > 0.95
    assert roc_auc_score(y[900:], biases.predict_proba(X[900:])[:, 1]) < 0.65


def test_several_classes():
    X, liked, _ = taste()
    y = np.where(X["user"] < 20, "none", np.where(liked > 0, "yes", "no"))
    model = NeuMFClassifier(**FAST).fit(X[:900], y[:900])
    assert model.predict_proba(X[:5]).shape == (5, 3)
    assert model.score(X[900:], y[900:]) > 0.9


def test_ratings_and_labels_get_biases(rater, voter):
    rows = sum(rater.encoder_.spec_.tables)
    tower = (16 * 16 + 16) + (16 * 8 + 8)
    without = rows * (4 + 8) + tower + (4 + 8 + 1)
    assert rater.n_parameters_ == voter.n_parameters_ == without + rows


# ---- ids -----------------------------------------------------------------------------


def test_unseen_users_and_items_are_all_alike(rater):
    X = pd.DataFrame({"user": [0, 99, 100, 99, 100], "item": [3, 3, 3, 77, 78]})
    known, one, other, both, both_too = rater.predict(X)
    assert one == other
    assert both == both_too
    assert known != one != both


def test_columns_are_ids_whatever_their_dtype(ratings):
    X, y = ratings
    options = {**FAST, "epochs": 3}
    expected = NeuMFRegressor(**options).fit(X[:900], y[:900]).predict(X[:50])
    pairs = X.to_numpy()
    for other in (
        pairs,
        pairs.astype(float),
        X.astype("float32"),
        X.astype("category"),
        X.map("{:03d}".format),
        X.map("{:03d}".format).to_numpy(dtype=object),
    ):
        model = NeuMFRegressor(**options).fit(other[:900], y[:900])
        np.testing.assert_array_equal(model.predict(other[:50]), expected)


def test_embeddings_hold_both_sets_of_vectors(ratings, rater):
    X, y = ratings
    users = rater.embeddings_("user")
    assert users.shape == (40, 4 + 8)
    assert users.index.name == "user"
    assert users.index.tolist() == list(range(40))
    assert rater.embeddings_("item").shape == (30, 12)
    for structure, width in (("gmf", 4), ("mlp", 8)):
        model = NeuMFRegressor(**{**FAST, "structure": structure, "epochs": 1})
        model.fit(X.to_numpy(), y)
        assert model.embeddings_(1).shape == (30, width)


# ---- the two columns -----------------------------------------------------------------


def test_named_columns_are_used_and_others_are_not(ratings, rater):
    X, y = ratings
    wide = pd.DataFrame(
        {
            "when": pd.date_range("2020", periods=len(X)),
            "item": X["item"],
            "note": "text",
            "user": X["user"],
        }
    )
    model = NeuMFRegressor(user_column="user", item_column="item", **FAST)
    model.fit(wide[:900], y[:900])
    assert model.n_features_in_ == 4
    np.testing.assert_array_equal(model.predict(wide[:9]), rater.predict(X[:9]))
    turned = wide[["user", "note", "item", "when"]]
    np.testing.assert_array_equal(model.predict(turned[:9]), rater.predict(X[:9]))
    by_position = NeuMFRegressor(user_column=3, item_column=1, **FAST)
    by_position.fit(wide.to_numpy(dtype=object)[:900], y[:900])
    np.testing.assert_array_equal(
        by_position.predict(wide.to_numpy(dtype=object)[:9]), rater.predict(X[:9])
    )


@pytest.mark.parametrize("as_array", [False, True])
def test_further_columns_are_ignored_with_a_warning(ratings, rater, as_array):
    X, y = ratings
    wide = X.assign(price=1.5)
    wide = wide.to_numpy() if as_array else wide
    name = "2" if as_array else "'price'"
    with pytest.warns(UserWarning, match=rf"ignores the columns \[{name}\]: DeepFM"):
        model = NeuMFRegressor(**FAST).fit(wide[:900], y[:900])
    np.testing.assert_array_equal(model.predict(wide[:9]), rater.predict(X[:9]))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"user_column": "client"}, "user_column must name columns of X.*'client'"),
        ({"item_column": 2}, "item_column must name columns of X.*no column 2"),
        ({"item_column": "user"}, "must be different columns.*'user'"),
        ({"user_column": 1}, "must be different columns.*'item'"),
    ],
)
def test_columns_that_cannot_be_meant(ratings, columns, message):
    X, y = ratings
    with pytest.raises(ValueError, match=message):
        NeuMFRegressor(**columns).fit(X, y)


def test_one_column_is_not_enough(ratings):
    X, y = ratings
    message = r"1 feature\(s\) while a minimum of 2 is required by NeuMFRegressor"
    with pytest.raises(ValueError, match=message):
        NeuMFRegressor().fit(X[["user"]], y)


def test_an_unknown_structure_is_refused(ratings):
    X, y = ratings
    with pytest.raises(ValueError, match="'structure' parameter of NeuMFRegressor"):
        NeuMFRegressor("svd").fit(X, y)


# ---- files and searches --------------------------------------------------------------


def test_pickle_and_saved_model_predict_the_same(ratings, rater, tmp_path):
    X, _ = ratings
    expected = rater.predict(X[:20])
    copy = pickle.loads(pickle.dumps(rater))
    np.testing.assert_array_equal(copy.predict(X[:20]), expected)
    copy.model_.save(tmp_path / "neumf.keras")
    loaded = keras.models.load_model(tmp_path / "neumf.keras")
    encoded = copy.encoder_.transform(X[:20])
    np.testing.assert_allclose(
        loaded.predict(encoded, verbose=0).ravel(), expected, rtol=1e-5
    )


@pytest.mark.nightly
def test_search_over_structure(ratings):
    X, y = ratings
    grid = {"structure": ["gmf", "mlp"], "embedding_l2": [1e-5, 10.0]}
    search = GridSearchCV(NeuMFRegressor(**FAST), grid, cv=2).fit(X, y)
    assert search.best_params_["embedding_l2"] == 1e-5
    assert search.best_score_ > 0.8

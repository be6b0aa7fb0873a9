"""FM, DeepFM, Wide & Deep and DCN: what they learn, and that they are estimators."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skrec import (
    AutoIntClassifier,
    DCNClassifier,
    DCNRegressor,
    DeepFMClassifier,
    DeepFMRegressor,
    FMClassifier,
    FMRegressor,
    WideDeepClassifier,
    WideDeepRegressor,
)
from tests.night import by_day
from tests.plain import PLAIN

TRAINING = {
    **PLAIN,
    "embedding_l2": 1e-5,
    "l2": 0.0,
    "embedding_dim": 4,
    "learning_rate": 0.02,
    "batch_size": 64,
    "epochs": 12,
    "random_state": 0,
}
TOWER = {"units": "16-8", **TRAINING}
CLASSIFIERS = [
    pytest.param(FMClassifier(**TRAINING), id="FM"),
    pytest.param(DeepFMClassifier(**TOWER), id="DeepFM"),
    pytest.param(WideDeepClassifier(**TOWER), id="WideDeep"),
    pytest.param(DCNClassifier(**TOWER), id="DCN"),
    pytest.param(AutoIntClassifier(1, attention_dim=16, **TRAINING), id="AutoInt"),
]
CROSSES = [
    pytest.param(DCNClassifier(**TOWER, structure="parallel"), id="DCN-parallel"),
    pytest.param(DCNClassifier(**TOWER, low_rank=4, n_experts=3), id="DCN-experts"),
]
REGRESSORS = [
    pytest.param(FMRegressor(**TRAINING), id="FM"),
    pytest.param(DeepFMRegressor(**TOWER), id="DeepFM"),
    pytest.param(WideDeepRegressor(**TOWER), id="WideDeep"),
    pytest.param(DCNRegressor(**TOWER), id="DCN"),
]


def two_ids(n_rows=1200, n_ids=8, seed=0):
    """Draw two columns of ids: of the names, nothing but the number matters."""
    codes = np.random.default_rng(seed).integers(0, n_ids, (n_rows, 2))
    sites, ads = (pd.Series(column).astype(str) for column in codes.T)
    return pd.DataFrame({"site": "site " + sites, "ad": "ad " + ads}), codes


def with_all_kinds(n_rows=1200):
    """Draw ids, a number and lists of ids, with ratings that depend on each."""
    X, codes = two_ids(n_rows)
    rng = np.random.default_rng(1)
    X["price"] = rng.uniform(size=n_rows)
    bought = rng.integers(0, 8, (n_rows, 2))
    X["bought"] = [[f"ad {k}" for k in row] for row in bought]
    of_cross, of_number = codes.sum(axis=1) % 2, X["price"] * (codes[:, 0] % 2)
    ratings = 100 + 10 * of_number - 5 * of_cross
    return X, np.column_stack([ratings, (bought > 5).sum(axis=1)])


# ---- what they learn -----------------------------------------------------------------


@pytest.mark.parametrize(
    "model", by_day(CLASSIFIERS + CROSSES, "DeepFM", "DCN-experts")
)
def test_a_cross_without_marginal_effects_is_found(model):
    X, codes = two_ids()
    y = codes.sum(axis=1) % 2  # says nothing about either column alone
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    linear = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(X_train, y_train)
    model = clone(model).fit(X_train, y_train)
    by_line, by_cross = (
        roc_auc_score(y_test, each.predict_proba(X_test)[:, 1])
        for each in (linear, model)
    )
    assert by_line < 0.6
    assert by_cross > 0.99


@pytest.mark.parametrize("model", by_day(REGRESSORS, "DCN"))
def test_ratings_follow_ids_numbers_and_lists(model):
    X, y = with_all_kinds()
    model = clone(model).set_params(epochs=25).fit(X[:900], y[:900])
    predicted = model.predict(X[900:])
    assert predicted.shape == (300, 2)
    assert r2_score(y[900:], predicted, multioutput="raw_values").min() > 0.9


@pytest.mark.parametrize("model", by_day(CLASSIFIERS, "FM", "AutoInt"))
def test_numbers_alone_are_enough(model):
    X = np.random.default_rng(0).normal(size=(400, 3))
    y = X[:, 0] + X[:, 1] > 0
    assert clone(model).fit(X, y).score(X, y) > 0.9


def test_fm_reads_thousands_of_sparse_columns():
    noise = sparse.random(400, 4998, density=0.01, random_state=0) > 0
    signal = np.arange(400)[:, None] // [1, 2] % 2
    X = sparse.hstack([sparse.csr_array(signal), noise], format="csr", dtype=float)
    y = signal @ [2.0, 1.0]
    model = FMRegressor(**{**TRAINING, "learning_rate": 0.005}, standardize=False)
    model.fit(X, y)
    assert model.n_features_in_ == 5000
    assert model.n_parameters_ == 5000 * (4 + 1) + 1
    np.testing.assert_array_equal(model.predict(X), model.predict(X.toarray()))
    assert r2_score(y, model.predict(X)) > 0.95


# ---- that they are estimators --------------------------------------------------------


@pytest.mark.parametrize("model", by_day(CLASSIFIERS, "DCN"))
def test_copies_in_double_precision_predict_the_same(model, tmp_path):
    X, ratings = with_all_kinds(300)
    y = np.where(ratings[:, 0] > 100, "click", "none")
    model = clone(model).set_params(epochs=2, precision="float64").fit(X, y)
    expected = model.predict_proba(X)
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    unpickled = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(unpickled.predict_proba(X), expected)
    assert {w.dtype for w in model.model_.trainable_weights} == {"float64"}
    model.model_.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    outputs = loaded.predict(model.encoder_.transform(X), verbose=0)
    np.testing.assert_allclose(outputs.ravel(), expected[:, 1], rtol=1e-6)


@pytest.mark.parametrize("model", by_day(CLASSIFIERS, "FM"))
def test_a_grid_over_three_classes_finds_the_rate_that_learns(model):
    X, codes = two_ids(600, n_ids=6)
    y = np.array(["low", "mid", "top"])[codes.sum(axis=1) % 3]
    grid = {"embedding_dim": [3, 6], "learning_rate": [1e-6, 0.03]}
    search = GridSearchCV(clone(model).set_params(batch_size=32), grid, cv=2).fit(X, y)
    assert search.best_params_["learning_rate"] == 0.03
    assert search.best_score_ > 0.9
    assert search.predict_proba(X).shape == (600, 3)
    vectors = search.best_estimator_.embeddings_("site")
    assert vectors.shape == (6, search.best_params_["embedding_dim"])


# ---- parameters of their own ---------------------------------------------------------


@pytest.mark.parametrize("estimator", [FMClassifier, FMRegressor])
def test_fm_has_no_hidden_layer(estimator):
    assert {"units", "activation", "batch_norm"}.isdisjoint(estimator().get_params())
    assert "dropout" in estimator().get_params()


@pytest.mark.parametrize(
    "estimator", by_day([WideDeepClassifier, DCNClassifier], "WideDeepClassifier")
)
def test_vectors_that_are_only_put_side_by_side_may_differ_in_length(estimator):
    X, codes = two_ids(300)
    X["ad"] = [f"ad {k % 100}" for k in range(300)]
    model = estimator("4", embedding_dim="auto", epochs=1).fit(X, codes[:, 0] > 3)
    sizes = np.array(model.encoder_.spec_.tables)
    assert sizes[0] < sizes[1]
    lengths = [model.embeddings_(column).shape[1] for column in ("site", "ad")]
    assert lengths == np.round(1.6 * sizes**0.56).tolist()


@pytest.mark.parametrize("estimator", [FMClassifier, DeepFMClassifier])
def test_vectors_that_are_multiplied_have_one_length(estimator):
    X, codes = two_ids(30)
    with pytest.raises(ValueError, match=r"'embedding_dim' parameter .* 'auto'"):
        estimator(embedding_dim="auto").fit(X, codes[:, 0])


def test_experts_without_a_rank_are_refused():
    X, codes = two_ids(30)
    with pytest.raises(ValueError, match=r"n_experts=4 .* set low_rank .*Received"):
        DCNClassifier(n_experts=4).fit(X, codes[:, 0])
    with pytest.raises(ValueError, match="'structure' parameter of DCNRegressor"):
        DCNRegressor(structure="beside").fit(X, codes[:, 0])

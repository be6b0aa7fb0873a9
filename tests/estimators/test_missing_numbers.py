"""NaN is a missing number, whether X is a frame, an array or a sparse matrix."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import get_tags

from skrec import (
    CNNClassifier,
    DeepFMClassifier,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
)
from skrec.preprocessing import FieldEncoder, _scaling
from tests.estimators.tables import FAMILIES, make
from tests.night import by_day

RNG = np.random.default_rng(0)
WHOLE = RNG.normal(size=(120, 3)) + np.array([0, 5, 0])
HOLES = WHOLE.copy()
HOLES[::5, 1] = HOLES[3, 0] = np.nan
Y = (WHOLE[:, 0] + (np.arange(120) % 5 == 0) > 0.3).astype(int)
QUICK = {"units": 4, "epochs": 2, "random_state": 0}
NUMBERS = ["robust", "standard", "quantile", "log", None]
# What `fit` gets, and what `predict`.
PAIRS = {
    "both": (HOLES, HOLES),
    "in fit": (HOLES, WHOLE),
    "in predict": (WHOLE, HOLES),
}


def as_frame(X):
    return pd.DataFrame(X, columns=["a", "b", "c"])


def as_array(X):
    return X


# ---- the encoder ---------------------------------------------------------------------


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("rows", [None, np.arange(7, 100)])
def test_every_container_is_encoded_alike(numbers, pair, rows, monkeypatch):
    monkeypatch.setattr(_scaling, "BLOCK_VALUES", 90)  # so that there are some blocks

    def encoded(kind):
        X, X_new = map(kind, PAIRS[pair])
        encoder = FieldEncoder(numbers=numbers)
        learnt = encoder.learn(X, rows)["numbers"]
        encoder.update_scale(learnt, np.ones(len(WHOLE)), rows)
        return encoder.transform(X_new)["numbers"], encoder.indicators_

    wanted, indicators = encoded(as_frame)
    assert np.isfinite(wanted).all()
    in_fit = [1] if rows is not None else [0, 1]
    assert indicators == ([] if pair == "in predict" else in_fit)
    for kind in (as_array, sparse.csr_array, sparse.csr_matrix):
        found, own = encoded(kind)
        assert own == indicators
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("kind", [as_frame, as_array, sparse.csr_array])
def test_what_is_imputed_unscaled_is_the_mean_by_weight(kind):
    weight = RNG.integers(0, 3, 120)
    encoder = FieldEncoder(numbers=None).fit(kind(HOLES), sample_weight=weight)
    found = encoder.transform(kind(np.full((1, 3), np.nan)))["numbers"][0, :3]
    there = [~np.isnan(column) for column in HOLES.T]
    wanted = [
        np.average(column[own], weights=weight[own])
        for column, own in zip(HOLES.T, there, strict=True)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_none_among_the_objects_of_an_array_is_missing_too():
    X = np.where(np.isnan(HOLES), None, HOLES)
    assert X.dtype == object
    found = FieldEncoder().fit_transform(X)["numbers"]
    np.testing.assert_array_equal(found, FieldEncoder().fit_transform(HOLES)["numbers"])


def test_zeros_of_a_sparse_matrix_are_there():
    X = sparse.csr_array(np.where(HOLES > 0, HOLES, np.where(HOLES <= 0, 0, np.nan)))
    found = FieldEncoder().fit_transform(X)["numbers"]
    wanted = FieldEncoder().fit_transform(as_frame(X.toarray()))["numbers"]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("kind", [as_array, sparse.csr_array])
def test_infinity_is_an_error_that_says_where(kind):
    X = HOLES.copy()
    X[40:, 2] = np.inf
    at = r"infinity.*(\n.*)*first of 80 such values is in row 40, column 2"
    with pytest.raises(ValueError, match=at):
        FieldEncoder().fit(kind(X))
    with pytest.raises(ValueError, match=at):
        MLPClassifier(**QUICK).fit(kind(X), Y)


def test_a_column_without_a_number_is_warned_of():
    X = HOLES.copy()
    X[:, 2] = np.nan
    with pytest.warns(UserWarning, match=r"columns \[2\] have only missing values"):
        found = FieldEncoder().fit_transform(X)["numbers"]
    assert not found[:, 2].any()


# ---- estimators ----------------------------------------------------------------------


@pytest.mark.parametrize("pair", by_day(PAIRS, "both"))
def test_an_array_is_read_as_a_frame(pair):
    X, X_new = PAIRS[pair]
    model = MLPClassifier(**QUICK).fit(X, Y)
    framed = clone(model).fit(as_frame(X), Y)
    wanted = framed.predict_proba(as_frame(X_new))
    np.testing.assert_array_equal(model.predict_proba(X_new), wanted)
    deployed = model.model_.predict(X_new.astype("float32"), verbose=0)
    near = model.predict_proba(X_new.astype("float32"))[:, 1:]
    np.testing.assert_allclose(deployed, near, atol=1e-5)
    with pytest.warns(UserWarning, match="X has feature names"):
        crossed = model.predict_proba(as_frame(X_new))
    np.testing.assert_array_equal(crossed, wanted)


@pytest.mark.parametrize(
    "params",
    [
        {**QUICK, "epochs": 40},
        pytest.param({"random_state": 0}, marks=pytest.mark.nightly),
    ],
    ids=["quick", "defaults"],
)
def test_that_a_number_is_missing_tells_something(params):
    X = np.where(RNG.random((300, 1)) < 0.5, np.nan, RNG.normal(size=(300, 1)))
    y = np.isnan(X[:, 0]).astype(int)
    model = MLPClassifier(**params).fit(X[:200], y[:200])
    assert model.score(X[200:], y[200:]) == 1


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(name, marks=() if name == "DCN" else pytest.mark.nightly)
        for name in sorted(FAMILIES.keys() - {"MLP", "DIN", "DIEN", "NeuMF"})
    ],
)
def test_every_family_on_numbers_takes_them(family):
    model = make(family, standardize=False).fit(HOLES, Y)
    framed = clone(model).fit(as_frame(HOLES), Y)
    for X in (HOLES, WHOLE):
        wanted = framed.predict_proba(as_frame(X))
        np.testing.assert_array_equal(model.predict_proba(X), wanted)
    assert get_tags(model).input_tags.allow_nan


def test_a_missing_id_is_an_id():
    X = np.column_stack([np.arange(120) % 4, WHOLE])
    X[::6, 0] = np.nan
    model = DeepFMClassifier(4, categorical_features=[0], epochs=1, random_state=0)
    model.fit(X, Y)
    framed = clone(model).fit(pd.DataFrame(X), Y)
    vectors = model.embeddings_(0, special=True)
    assert not vectors.loc["<missing>"].equals(vectors.loc["<unknown>"])
    np.testing.assert_array_equal(model.predict_proba(X), framed.predict_proba(X))


@pytest.mark.parametrize("kind", [as_array, sparse.csr_array])
def test_a_stream_may_begin_to_have_holes(kind):
    def streamed(kind):
        model = MLPRegressor(**QUICK)
        for X in (WHOLE, HOLES, WHOLE):
            model.partial_fit(kind(X), Y)
        assert model.encoder_.indicators_ == [0, 1]
        return model.predict(kind(HOLES))

    np.testing.assert_array_equal(streamed(kind), streamed(as_frame))


def test_a_file_may_have_holes(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, HOLES)
    on_disk = np.load(path, mmap_mode="r")
    model = MLPClassifier(**QUICK, standardize=False).fit(on_disk, Y)
    wanted = clone(model).fit(HOLES, Y).predict_proba(HOLES)
    np.testing.assert_array_equal(model.predict_proba(on_disk), wanted)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (MLPClassifier(4), (20, 2, 3)),
        (MLPClassifier(4), (20, 2, 3, 1)),
        (CNNClassifier(4), (20, 3)),
        (RNNClassifier(units=4), (20, 2, 3)),
    ],
)
def test_where_columns_have_an_order_it_is_an_error(model, shape):
    X = np.ones(shape)
    X[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"contains NaN(.*\n)+.* is in row 7, "):
        model.fit(X, np.arange(20) % 2)
    assert get_tags(model).input_tags.allow_nan is isinstance(model, MLPClassifier)

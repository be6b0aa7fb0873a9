"""Targets of regression that span orders of magnitude."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from skrec import CNNRegressor, MLPRegressor
from skrec.preprocessing._targets import spans_magnitudes

QUICK = {"units": 8, "epochs": 3, "random_state": 0}


def prices(n_rows=300, n_outputs=1):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 3))
    y = 10 ** (2 * X[:, :n_outputs] + 0.3 * rng.normal(size=(n_rows, n_outputs)))
    return X, y.squeeze()


def test_what_spans_magnitudes():
    y = np.geomspace(1, 1100, 101)[:, None]
    weight = np.ones(101)
    assert not spans_magnitudes(y, weight)  # the 1st and the 99th percentile do not
    assert spans_magnitudes(y**1.1, weight)
    assert not spans_magnitudes(np.hstack([y, y**1.1]), weight)
    assert not spans_magnitudes(np.vstack([y**1.1, [[0.0]]]), np.ones(102))
    # As in an array in which each row stands as often as its weight says.
    weight = np.where(y.ravel() > 1000, 30, 1)
    assert spans_magnitudes(y, weight)
    assert spans_magnitudes(np.repeat(y, weight, axis=0), np.ones(weight.sum()))


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_predictions_add_up_to_the_targets(n_outputs):
    X, y = prices(n_outputs=n_outputs)
    weight = np.random.default_rng(1).exponential(size=len(X))
    reg = MLPRegressor(early_stopping=False, **QUICK).fit(X, y, weight)
    assert reg.target_scale_ == "log"
    np.testing.assert_allclose(weight @ reg.predict(X), weight @ y, rtol=1e-6)
    assert reg.score(X, y) > 0
    bound = y.max() * reg._target_scaler.factor.max()
    assert reg.predict(1000 * X).max() <= bound * (1 + 1e-9)


def test_the_logarithms_are_those_that_a_user_would_take():
    X, y = prices()
    found = MLPRegressor(**QUICK).fit(X, y)
    logs = MLPRegressor(**QUICK).fit(X, np.log(y))
    assert logs.target_scale_ == "linear"
    np.testing.assert_array_equal(found.history_["loss"], logs.history_["loss"])
    expected = np.exp(logs.predict(X))
    ratio = found.predict(X) / expected
    inside = (expected > y.min()) & (expected < y.max())
    np.testing.assert_allclose(ratio[inside], ratio[inside][0], rtol=1e-9)


@pytest.mark.parametrize("case", ["standard", "off", "zero", "narrow"])
def test_other_targets_stay_as_they_are(case):
    X, y = prices()
    reg = MLPRegressor(**QUICK)
    if case == "standard":
        reg.set_params(standardize="standard")
    elif case == "off":
        reg.set_params(standardize=False)
    elif case == "zero":
        y[5] = 0
    else:
        y = y**0.2
    assert reg.fit(X, y).target_scale_ == "linear"


def test_a_stream_keeps_to_what_its_first_part_was():
    X, y = prices()
    reg = MLPRegressor(**QUICK).partial_fit(X, y)
    reg.partial_fit(X[:50], np.append(y[:48], [0.0, -3.0]))
    assert reg.target_scale_ == "log"
    assert np.isfinite(reg.predict(X)).all()
    again = pickle.loads(pickle.dumps(reg))
    np.testing.assert_array_equal(again.predict(X), reg.predict(X))
    assert clone(reg).fit(X, y**0.2).target_scale_ == "linear"


@pytest.mark.parametrize("cls", [MLPRegressor, CNNRegressor])
def test_the_model_handed_out_predicts_the_same(cls):
    X, y = prices()
    X = X.astype(np.float32) if cls is MLPRegressor else X[:, :, None].astype("f4")
    reg = cls(**QUICK).fit(X, y)
    assert reg.target_scale_ == "log"
    found = reg.model_.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(found, reg.predict(X), rtol=2e-4)

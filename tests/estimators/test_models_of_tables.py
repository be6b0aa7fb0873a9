"""`model_` of a table: on X as it is wherever Keras can hold what prepares it."""

import keras
import numpy as np
import pandas as pd
import pytest

import skrec
from skrec import FMRegressor, MLPClassifier
from tests.estimators.tables import make, make_table, make_target

RNG = np.random.default_rng(0)
N_ROWS = 200
NUMBERS = pd.DataFrame(
    {
        "age": RNG.normal(40, 12, N_ROWS).round(),
        "price": RNG.lognormal(5, 1, N_ROWS).round(2),
        "tiny": RNG.normal(3e-8, 1e-8, N_ROWS),
        "mostly 0": np.where(RNG.random(N_ROWS) < 0.9, 0, RNG.random(N_ROWS)),
        "constant": 2.0,
        "tenths": RNG.choice([0.1, 0.2, 0.7], N_ROWS),
    }
)
HOLES = NUMBERS.assign(
    price=NUMBERS["price"].where(np.arange(N_ROWS) % 7 > 0), nothing=np.nan
)
SCALES = [True, "standard", False, "log", "quantile"]
KINDS = ["array", "float32", "frame", "holes"]
# Each kind and each scale.
BY_DAY = {("array", True), ("float32", "quantile"), ("frame", False)}
BY_DAY |= {("holes", "standard"), ("holes", "log")}
Y = (NUMBERS["age"] > 40).to_numpy().astype(int)


def differences(model, X, path):
    """Compare the Keras model and what is loaded of it with the estimator."""
    if hasattr(model, "predict_proba"):
        expected = model.predict_proba(X)[:, 1]
    else:
        expected = model.predict(X)
    model.model_.save(path / "model.keras")
    loaded = keras.models.load_model(path / "model.keras")
    found = [one.predict(X, verbose=0)[:, 0] for one in (model.model_, loaded)]
    return [np.abs(one - expected).max() / np.abs(expected).max() for one in found]


@pytest.mark.filterwarnings("ignore:columns .* have only missing values")
@pytest.mark.filterwarnings("ignore:.*nothing")
@pytest.mark.parametrize(
    ("kind", "scale"),
    [
        pytest.param(
            kind, scale, marks=() if (kind, scale) in BY_DAY else pytest.mark.nightly
        )
        for kind in KINDS
        for scale in SCALES
    ],
)
def test_the_model_takes_numbers_as_they_are(kind, scale, tmp_path):
    X = {
        "array": NUMBERS.to_numpy(),
        "float32": NUMBERS.to_numpy("float32"),
        "frame": NUMBERS,
        "holes": HOLES,
    }[kind]
    clf = MLPClassifier(8, epochs=4, standardize=scale, random_state=0).fit(X, Y)
    assert max(differences(clf, X, tmp_path)) < 1e-5


@pytest.mark.parametrize(
    "family",
    [
        "DeepFM",
        "LateFusion",
        pytest.param("FM", marks=pytest.mark.nightly),
        pytest.param("WideDeep", marks=pytest.mark.nightly),
        pytest.param("DCN", marks=pytest.mark.nightly),
    ],
)
def test_every_family_on_numbers_has_such_a_model(family, tmp_path):
    X = HOLES.drop(columns="nothing")
    reg = make(family, "Regressor").fit(X, NUMBERS["price"])
    assert max(differences(reg, X, tmp_path)) < 1e-5


@pytest.mark.parametrize(
    "family", ["CNN", pytest.param("RNN", marks=pytest.mark.nightly)]
)
def test_networks_on_arrays_stand_badly_scaled_columns_too(family, tmp_path):
    X = RNG.normal(3e-8, 1e-8, (N_ROWS, 4))
    clf = getattr(skrec, family + "Classifier")(epochs=4, random_state=0)
    clf.fit(X, X[:, 0] > 3e-8)
    assert np.ptp(clf.predict_proba(X)[:, 1]) > 0.01
    assert max(differences(clf, X, tmp_path)) < 1e-5


@pytest.mark.parametrize("scale", [True, "standard", "quantile"])
def test_it_refuses_what_32_bits_do_not_tell_apart(scale):
    X = NUMBERS[["age"]].assign(second=1.7e9 + RNG.uniform(0, 60, N_ROWS))
    reg = FMRegressor(epochs=2, standardize=scale, random_state=0).fit(X, Y)
    with pytest.raises(TypeError, match=r"\['second'\].*encoder_.transform\(X\)"):
        reg.model_.predict(X, verbose=0)
    found = reg.model_.predict(reg.encoder_.transform(X), verbose=0)[:, 0]
    np.testing.assert_allclose(found, reg.predict(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "family",
    [
        "MLP",
        pytest.param("FM", marks=pytest.mark.nightly),
        pytest.param("NeuMF", marks=pytest.mark.nightly),
    ],
)
def test_it_refuses_codes_that_it_does_not_know(family):
    table = make_table()
    X = table[["user", "item"]]
    clf = make(family).fit(X, make_target(table))
    # Integers, which one input alone would take for codes without a word.
    numbers = np.ones((5, X.shape[1]), dtype=int)
    with pytest.raises(TypeError, match=r"codes of its ids.*encoder_.transform\(X\)"):
        clf.model_.predict(numbers, verbose=0)
    found = clf.model_.predict(clf.encoder_.transform(X), verbose=0)[:, 0]
    np.testing.assert_allclose(found, clf.predict_proba(X)[:, 1], atol=1e-6)

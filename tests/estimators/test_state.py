"""A fitted estimator is numbers: it travels, and nothing outside moves with it."""

import copy
import pickle
import random
import subprocess
import sys
import textwrap
import zipfile

import joblib
import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.datasets import load_iris

from skrec import (
    CNNClassifier,
    CNNRegressor,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
    RNNRegressor,
)
from skrec.training import cache_clear
from tests.fresh import run_fresh
from tests.night import by_day

X2, Y = load_iris(return_X_y=True)
RNG = np.random.default_rng(0)
X3 = RNG.normal(loc=3, scale=2, size=(150, 5, 2))
X3[:, :2][RNG.random((150, 2)) < 0.3] = 0
X3 = X3.astype("float32")
QUICK = {"units": 6, "epochs": 3, "learning_rate": 0.02, "random_state": 0}
CASES = {
    "mlp": (MLPClassifier, X2, Y),
    "mlp-binary": (MLPClassifier, X2, np.where(Y == 1, "yes", "no")),
    "mlp-labels": (MLPClassifier, X2, np.column_stack([Y == 1, Y > 0]).astype(int)),
    "mlp-numbers": (MLPRegressor, X2, 1000.0 + 50 * Y),
    "cnn": (CNNClassifier, X3, Y),
    "cnn-table-outputs": (CNNRegressor, X2, np.column_stack([Y, -9.0 * Y])),
    "rnn": (RNNClassifier, X3, Y),
    "rnn-table-numbers": (RNNRegressor, X2, 100.0 * Y),
    "rnn-numbers": (RNNRegressor, X3, 100.0 * Y),
}


def outputs(estimator, X):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


@pytest.fixture(
    scope="module",
    params=by_day(CASES, "mlp-binary", "mlp-numbers", "cnn"),
)
def fitted(request):
    cls, X, y = CASES[request.param]
    return cls(**QUICK).fit(X, y), X, y


# ---- copies --------------------------------------------------------------------------

COPIES = {
    "pickle": lambda estimator, path: pickle.loads(pickle.dumps(estimator)),
    "deepcopy": lambda estimator, path: copy.deepcopy(estimator),
    "joblib": lambda estimator, path: joblib.load(joblib.dump(estimator, path)[0]),
}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_predicts_the_same_and_trains_on_alone(fitted, way, tmp_path):
    estimator, X, y = fitted
    expected = outputs(estimator, X)
    copied = COPIES[way](estimator, tmp_path / "model.joblib")
    np.testing.assert_array_equal(outputs(copied, X), expected)
    assert copied.get_params() == estimator.get_params()
    copied.partial_fit(X[::-1], y[::-1])
    assert np.abs(outputs(copied, X) - expected).max() > 1e-5
    np.testing.assert_array_equal(outputs(estimator, X), expected)
    another = COPIES[way](estimator, tmp_path / "model.joblib")
    another.partial_fit(X[::-1], y[::-1])
    np.testing.assert_array_equal(outputs(another, X), outputs(copied, X))


def test_a_clone_is_unfitted_and_fits_to_the_same_bits(fitted):
    estimator, X, y = fitted
    fresh = clone(estimator)
    assert not fresh.__sklearn_is_fitted__()
    np.testing.assert_array_equal(outputs(fresh.fit(X, y), X), outputs(estimator, X))


def test_a_pickle_is_small(fitted):
    assert len(pickle.dumps(fitted[0])) < 20_000


# By day, copies are compared above, and tests/io does so in another process.
@pytest.mark.nightly
@pytest.mark.parametrize("case", ["mlp", "rnn-numbers"])
def test_a_pickle_predicts_the_same_bits_in_another_process(case, tmp_path):
    cls, X, y = CASES[case]
    estimator = cls(**QUICK).fit(X, y)
    joblib.dump((estimator, X, y, outputs(estimator, X)), tmp_path / "all.joblib")
    code = """
        import sys, warnings, joblib, numpy as np
        from sklearn.base import clone
        warnings.simplefilter("error", UserWarning)
        estimator, X, y, expected = joblib.load(sys.argv[1])
        for fitted in (estimator, clone(estimator).fit(X, y)):
            found = getattr(fitted, "predict_proba", fitted.predict)(X)
            np.testing.assert_array_equal(found, expected)
    """
    run_fresh(code, tmp_path / "all.joblib")


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": keras.optimizers.Adam(0.01)},
        {"optimizer": keras.optimizers.Lion},
        {"lr_schedule": keras.optimizers.schedules.CosineDecay(0.01, 50)},
        {"callbacks": [keras.callbacks.EarlyStopping("loss", patience=1)]},
        {"random_state": np.random.RandomState(0)},
    ],
    ids=lambda params: next(iter(params)),
)
def test_keras_objects_among_the_parameters_travel(params):
    estimator = MLPClassifier(units=6, epochs=2).set_params(**params)
    pickle.loads(pickle.dumps(clone(estimator).fit(X2, Y))).fit(X2, Y)
    fitted_one = copy.deepcopy(estimator).fit(X2, Y)
    for copied in (pickle.loads(pickle.dumps(fitted_one)), copy.deepcopy(fitted_one)):
        np.testing.assert_array_equal(
            copied.predict_proba(X2), fitted_one.predict_proba(X2)
        )
    assert clone(fitted_one).fit(X2, Y).n_iter_ == 2


# ---- predicting ----------------------------------------------------------------------


def test_predicting_changes_nothing_in_the_estimator(fitted, snapshot):
    estimator, X, y = fitted
    before = snapshot(estimator)
    outputs(estimator, X)
    estimator.predict(X[:3])
    estimator.score(X, y)
    repr(estimator)
    assert snapshot(estimator) == before


def test_displaying_an_estimator_builds_no_model():
    estimator = MLPClassifier(**QUICK).fit(X2, Y)
    names = set(vars(estimator))
    assert "MLPClassifier" in estimator._repr_html_()
    assert set(vars(estimator)) == names


def test_a_row_is_predicted_alone_as_among_others(fitted):
    estimator, X, _ = fitted
    together = outputs(estimator, X)
    for rows in (slice(0, 1), slice(7, 9), slice(3, 40), slice(None, None, -1)):
        np.testing.assert_array_equal(outputs(estimator, X[rows]), together[rows])


@pytest.mark.parametrize(
    "change",
    [
        {"units": 9},
        {"activation": "sigmoid"},
        pytest.param({"batch_norm": True}, marks=pytest.mark.nightly),
        {"precision": "float64"},
        {"optimizer": "sgd"},
        {"optimizer": "no such"},
        {"standardize": False},
    ],
    ids=str,
)
def test_parameters_set_after_fit_act_only_on_the_next_fit(change):
    estimator = MLPRegressor(**QUICK).fit(X2, 50.0 * Y)
    expected = estimator.predict(X2)
    estimator.set_params(**change)
    np.testing.assert_array_equal(estimator.predict(X2), expected)
    from_model = estimator.model_.predict(X2, verbose=0)[:, 0]
    # In 32 bits; of targets up to 100, one that is near 0 has no more digits.
    np.testing.assert_allclose(from_model, expected, rtol=1e-4, atol=1e-5)


# ---- randomness ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "cls",
    by_day([MLPClassifier, CNNClassifier, RNNClassifier], "MLPClassifier"),
)
def test_a_seed_gives_the_same_bits_and_another_seed_others(cls):
    def fit(seed):
        params = {**QUICK, "random_state": seed, "dropout": 0.2, "early_stopping": True}
        return cls(**params).fit(X2, Y).predict_proba(X2)

    expected = fit(1)
    np.testing.assert_array_equal(fit(1), expected)
    cache_clear()
    keras.utils.set_random_seed(99)
    np.testing.assert_array_equal(fit(1), expected)
    assert np.abs(fit(2) - expected).max() > 1e-3


def test_no_seed_gives_another_result_each_time():
    def fit():
        return MLPClassifier(units=6, epochs=1).fit(X2, Y).predict_proba(X2)

    keras.utils.set_random_seed(0)
    first = fit()
    keras.utils.set_random_seed(0)
    assert np.abs(fit() - first).max() > 1e-3


def test_a_random_state_is_drawn_from_as_in_scikit_learn():
    shared = np.random.RandomState(3)
    one, two = (
        MLPClassifier(units=6, epochs=1, random_state=shared)
        .fit(X2, Y)
        .predict_proba(X2)
        for _ in range(2)
    )
    assert np.abs(one - two).max() > 1e-3
    again = MLPClassifier(units=6, epochs=1, random_state=np.random.RandomState(3))
    np.testing.assert_array_equal(again.fit(X2, Y).predict_proba(X2), one)


def draws():
    """Draw from every global generator there is."""
    return [
        random.random(),
        np.random.random(),  # noqa: NPY002
        float(tf.random.uniform([])),
        float(keras.random.uniform([])),
        float(keras.initializers.GlorotUniform()((1, 1))[0, 0]),
    ]


@pytest.mark.nightly
@pytest.mark.parametrize("cls", [MLPClassifier, CNNRegressor, RNNClassifier])
def test_the_global_generators_are_where_they_were(cls):
    def use():
        watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
        params = {**QUICK, "random_state": None, "dropout": 0.2, "batch_norm": True}
        estimator = cls(**params, early_stopping=True, callbacks=[watch]).fit(X2, Y)
        estimator.partial_fit(X2, Y)
        estimator.predict(X2)
        estimator.model_  # noqa: B018
        estimator.predict(X2)

    keras.utils.set_random_seed(5)
    expected = draws()
    keras.utils.set_random_seed(5)
    cache_clear()
    use()
    assert draws() == expected


# ---- model_ --------------------------------------------------------------------------


def test_model_takes_x_as_it_is_and_predicts_the_same(fitted):
    estimator, X, _ = fitted
    estimator = copy.deepcopy(estimator)
    expected = outputs(estimator, X)
    found = estimator.model_.predict(X, verbose=0)
    if found.shape[1] == 1:  # one probability or one number a sample
        found = found[:, 0]
        expected = expected[:, 1] if expected.ndim == 2 else expected
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)
    assert estimator.model_ is estimator.model_


def test_a_saved_model_names_nothing_of_skrec(fitted, tmp_path):
    estimator, _, _ = fitted
    estimator.model_.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = archive.read("config.json")
    assert b"keras" in config
    assert b"skrec" not in config


# By day, it is read above that nothing of skrec is named.
@pytest.mark.nightly
@pytest.mark.parametrize("case", ["mlp-numbers", "rnn"])
def test_a_saved_model_loads_without_skrec(case, tmp_path):
    cls, X, y = CASES[case]
    estimator = cls(**QUICK).fit(X, y)
    estimator.model_.save(tmp_path / "model.keras")
    expected = estimator.model_.predict(X, verbose=0)
    np.savez(tmp_path / "arrays.npz", X=X, expected=expected)
    code = """
        import sys, keras, numpy as np
        arrays = np.load(sys.argv[2])
        found = keras.models.load_model(sys.argv[1]).predict(arrays["X"], verbose=0)
        np.testing.assert_allclose(found, arrays["expected"], atol=1e-6, rtol=1e-6)
        assert "skrec" not in sys.modules
    """
    files = [str(tmp_path / name) for name in ("model.keras", "arrays.npz")]
    command = [sys.executable, "-W", "error::UserWarning", "-c", textwrap.dedent(code)]
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_training_the_handed_out_model_trains_the_estimator():
    estimator = MLPClassifier(**QUICK).fit(X2, Y)
    before = estimator.predict_proba(X2)
    estimator.model_.fit(X2, Y, epochs=5, verbose=0)
    after = estimator.predict_proba(X2)
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_allclose(
        after, estimator.model_.predict(X2, verbose=0), atol=1e-5
    )
    for copied in (pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator)):
        np.testing.assert_array_equal(copied.predict_proba(X2), after)


def test_partial_fit_goes_on_from_the_handed_out_model():
    # Rows set aside would move the scale of the numbers, in which they count now.
    params = {**QUICK, "learning_rate": 1e-12, "early_stopping": False}
    estimator = MLPClassifier(**params).fit(X2, Y)
    core = estimator.model_
    core.set_weights([0.25 * weight for weight in core.get_weights()])
    changed = estimator.predict_proba(X2)
    estimator.partial_fit(X2, Y)
    np.testing.assert_allclose(estimator.predict_proba(X2), changed, atol=1e-5)
    fitted_model = estimator.model_.predict(X2, verbose=0)
    np.testing.assert_allclose(fitted_model, changed, atol=1e-5)


def test_the_handed_out_model_is_private():
    one, two = (MLPClassifier(**QUICK).fit(X2, Y) for _ in range(2))
    expected = two.predict_proba(X2)
    one.model_.set_weights([0 * weight for weight in one.model_.get_weights()])
    np.testing.assert_array_equal(two.predict_proba(X2), expected)
    np.testing.assert_allclose(two.model_.predict(X2, verbose=0), expected, atol=1e-5)
    np.testing.assert_array_equal(
        MLPClassifier(**QUICK).fit(X2, Y).predict_proba(X2), expected
    )

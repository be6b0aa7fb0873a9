"""A bad parameter or a failed fit says what to do and leaves nothing half done."""

import copy

import keras
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.model_selection import GridSearchCV

from skrec import CNNClassifier, MLPClassifier, MLPRegressor, RNNClassifier
from tests.night import by_day
from tests.plain import PLAIN

X, Y = load_iris(return_X_y=True)
DIVERGE = {"optimizer": "sgd", "learning_rate": 1e30}


# ---- parameters ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "params", "message"),
    [
        (MLPClassifier, {"dropout": 1.0}, r"'dropout' .* \[0.0, 1.0\). Got 1.0"),
        (MLPClassifier, {"dropout": -0.1}, r"'dropout' .* \[0.0, 1.0\). Got -0.1"),
        (MLPClassifier, {"l1": -1}, r"'l1' .* \[0.0, inf\). Got -1"),
        (MLPClassifier, {"l2": -1}, r"'l2' .* \[0.0, inf\) .*'auto'}. Got -1"),
        (
            MLPClassifier,
            {"learning_rate": 0},
            r"'learning_rate' .* \(0.0, inf\). Got 0",
        ),
        (MLPClassifier, {"clipnorm": 0}, r"'clipnorm' .* \(0.0, inf\)"),
        (MLPClassifier, {"batch_size": 0}, r"'batch_size' .* \[1, inf\)"),
        (MLPClassifier, {"batch_size": 1.5}, r"'batch_size' .* \[1, inf\)"),
        (MLPClassifier, {"epochs": 0}, r"'epochs' .* \[1, inf\) or .*'auto'}. Got 0"),
        (MLPClassifier, {"n_iter_no_change": 0}, r"'n_iter_no_change' .* \[1, inf\)"),
        (
            MLPClassifier,
            {"validation_fraction": 1.0},
            r"'validation_fraction' .*0.0, 1.0",
        ),
        (MLPClassifier, {"units": 0}, r"'units' .* \[1, inf\)"),
        (
            MLPClassifier,
            {"units": "8-0"},
            r"units must be .*\[1, inf\).*Received: '8-0'",
        ),
        (
            MLPClassifier,
            {"units": (8, 0)},
            r"units must be .*\[1, inf\).*Received: \(8, 0",
        ),
        (
            MLPClassifier,
            {"lr_schedule": "linear"},
            "'lr_schedule' .*'cosine'.*'linear'",
        ),
        (MLPClassifier, {"precision": "half"}, "'precision' .*'float64'.*'half'"),
        (
            MLPClassifier,
            {"class_weight": "even"},
            "'class_weight' .*'balanced'.*'even'",
        ),
        (MLPClassifier, {"optimizer": 3}, "'optimizer' .*Got 3"),
        (MLPClassifier, {"optimizer": "adm"}, "mean 'adam'"),
        (MLPClassifier, {"optimizer": int}, "optimizer must be"),
        (MLPClassifier, {"activation": "rely"}, "'?activation'? .*must be .*'rely'"),
        (MLPClassifier, {"device": "/TPU:7"}, r"device must be .*/CPU:0.*'/TPU:7'"),
        (MLPClassifier, {"callbacks": ["stop"]}, "callbacks must hold .*'stop'"),
        (MLPClassifier, {"callbacks": "stop"}, "'callbacks' .*'stop'"),
        (MLPClassifier, {"random_state": -1}, "'random_state'"),
        (MLPClassifier, {"class_weight": {0: 2.0, 9: 1.0, 8: 1.0}}, "class_weight"),
        (CNNClassifier, {"filters": 0}, r"'filters' .* \[1, inf\)"),
        (CNNClassifier, {"kernel_size": 0}, r"'kernel_size' .* \[1, inf\)"),
        (CNNClassifier, {"pool_size": 0}, r"'pool_size' .* \[1, inf\)"),
        (RNNClassifier, {"cell": "lstn"}, "'cell' .*'lstm'.*'lstn'"),
        (
            MLPClassifier,
            {"optimizer_params": {"beta_3": 0.5}},
            "optimizer__beta_3.*mean",
        ),
        (
            MLPClassifier,
            {"optimizer": keras.optimizers.Adam(0.1), "learning_rate": 0.5},
            "learning_rate=0.5 has no effect on an optimizer object",
        ),
    ],
)
def test_a_bad_parameter_names_itself_and_what_is_legal(snapshot, cls, params, message):
    estimator = cls(**{"epochs": 1, **params})
    before = snapshot(estimator)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, Y)
    assert snapshot(estimator) == before


@pytest.mark.parametrize("cls", [CNNClassifier, RNNClassifier, MLPRegressor])
def test_an_unknown_parameter_asks_did_you_mean(cls):
    with pytest.raises(
        ValueError, match=r"Invalid parameter 'learnin_rate'.*Did you mean"
    ):
        cls().set_params(learnin_rate=0.1)
    search = GridSearchCV(
        cls(epochs=1), {"optimizer__beta1": [0.5]}, error_score="raise"
    )
    with pytest.raises(ValueError, match=r"optimizer__beta1 .*Did you mean 'beta_1'"):
        search.fit(X, Y)


def test_set_params_changes_nothing_where_one_name_is_wrong():
    estimator = MLPClassifier()
    with pytest.raises(ValueError, match="learnin_rate"):
        estimator.set_params(dropout=0.5, learnin_rate=0.1, optimizer__beta_1=0.3)
    assert estimator.get_params() == MLPClassifier().get_params()


def test_validation_arrays_go_together():
    with pytest.raises(ValueError, match=r"go together. Missing: y_val"):
        MLPClassifier(epochs=1).fit(X, Y, X_val=X)
    with pytest.raises(ValueError, match=r"go together. Missing: X_val"):
        MLPClassifier(epochs=1).fit(X, Y, y_val=Y)


def test_too_few_samples_to_set_aside_says_what_to_change():
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 of 6 samples"):
        MLPClassifier(early_stopping=True).fit(X[::25], Y[::25])


def test_an_unfitted_estimator_says_so():
    estimator = MLPClassifier()
    for call in (
        estimator.predict,
        estimator.predict_proba,
        estimator.decision_function,
    ):
        with pytest.raises(NotFittedError):
            call(X)
    assert not hasattr(estimator, "classes_")
    with pytest.raises(NotFittedError):
        estimator.model_  # noqa: B018


# ---- a loss that is no number --------------------------------------------------------


@pytest.mark.parametrize("cls", by_day([MLPClassifier, MLPRegressor], "MLPClassifier"))
def test_divergence_raises_and_leaves_the_estimator_unfitted(snapshot, cls):
    estimator = cls(units=4, epochs=5, **DIVERGE)
    before = snapshot(estimator)
    with pytest.raises(FloatingPointError, match="Lower learning_rate, set clipnorm"):
        estimator.fit(X, Y)
    assert snapshot(estimator) == before
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_weights_that_are_no_numbers_after_the_last_step_raise():
    # The loss is that before the step, and so still finite in the only epoch.
    own = {"learning_rate": 1e38, "standardize": False, "batch_size": None}
    estimator = MLPRegressor(4, **{**PLAIN, **DIVERGE, **own, "epochs": 1})
    with pytest.raises(FloatingPointError, match="a weight became infinite"):
        estimator.fit(X, Y * 1000.0)


@pytest.mark.parametrize("handed_out", [False, True])
@pytest.mark.parametrize("method", ["fit", "partial_fit", "warm_start"])
def test_a_failed_fit_leaves_a_fitted_estimator_as_it_was(snapshot, method, handed_out):
    estimator = MLPRegressor(units=4, epochs=2, random_state=0).fit(X, Y)
    if handed_out:
        core = estimator.model_
        core.set_weights([0.5 * weight for weight in core.get_weights()])
    expected = estimator.predict(X)
    before = snapshot(copy.deepcopy(estimator))
    history = copy.deepcopy(estimator.history_)
    changed = {**DIVERGE, "warm_start": method == "warm_start"}
    kept = {name: estimator.get_params()[name] for name in changed}
    estimator.set_params(**changed)
    with pytest.raises(FloatingPointError):
        getattr(estimator, method.replace("warm_start", "fit"))(X * 3 + 5, Y * 7.0)
    estimator.set_params(**kept)
    np.testing.assert_array_equal(estimator.predict(X), expected)
    assert estimator.history_ == history
    assert snapshot(copy.deepcopy(estimator)) == before


def test_a_bad_input_leaves_a_fitted_estimator_as_it_was(snapshot):
    estimator = MLPClassifier(units=4, epochs=2, random_state=0).fit(X, Y)
    before = snapshot(estimator)
    for bad_X, bad_y in [(X[:, :2], Y), (X * np.inf, Y), (X, Y * 0), (X[:0], Y[:0])]:
        with pytest.raises(ValueError, match=r".+"):
            # fit would take another number of features for a new beginning
            (estimator.fit if bad_X.shape[1] == 4 else estimator.partial_fit)(
                bad_X, bad_y
            )
        assert snapshot(estimator) == before


def test_an_error_in_a_callback_leaves_the_estimator_as_it_was():
    class Fail(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    estimator = MLPClassifier(units=4, epochs=3, callbacks=[Fail()])
    names = set(vars(estimator))
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, Y)
    assert set(vars(estimator)) == names


# By day, test_generic.py has a search over the wrapper that does.
@pytest.mark.nightly
def test_a_search_records_divergence_and_goes_on():
    estimator = MLPClassifier(units=8, epochs=20, optimizer="sgd", random_state=0)
    grid = {"learning_rate": [0.1, 1e30]}
    search = GridSearchCV(estimator, grid, cv=3, error_score=-1.0)
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 6"):
        search.fit(X, Y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] > 0.5
    assert scores[1] == -1.0
    assert search.best_params_ == {"learning_rate": 0.1}

"""Pruning: fewer epochs, the same winner, and no score for what was ended."""

import errno
import os
import re
import resource
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from sklearn.callback import ProgressBar
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrec import KerasClassifier, MLPClassifier
from skrec.model_selection import MedianPruning, OptunaSearchCV
from skrec.model_selection import _journal as journals
from skrec.model_selection._optuna import open_storage

X, Y = make_classification(200, 6, class_sep=2.0, random_state=0)
EPOCHS = 8
# The good ones first: they are what the others are compared with.
RATES = [0.1, 0.03, 1e-5, 1e-6]


def make_model(**kwargs):
    kwargs = {"early_stopping": True, "n_iter_no_change": EPOCHS, **kwargs}
    return MLPClassifier(
        units=4, epochs=EPOCHS, random_state=0, linear_start=False, **kwargs
    )


def make_search(model=None, name="learning_rate", **kwargs):
    kwargs = {"cv": 2, **kwargs}
    return GridSearchCV(model or make_model(), {name: RATES}, **kwargs)


def fit(search, *callbacks):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FitFailedWarning)
        warnings.filterwarnings("ignore", ".*scores are non-finite")
        return search.set_callbacks(*callbacks).fit(X, Y)


@pytest.fixture
def pruning(tmp_path):
    return MedianPruning(tmp_path / "prune.journal", n_startup_fits=2)


def trials_of(pruning, n_studies=2):
    """Return the trials of all studies, one for each fold of each search."""
    storage = open_storage(pruning.path)
    names = optuna.get_all_study_names(storage)
    assert len(names) == n_studies
    return [
        trial
        for name in names
        for trial in optuna.load_study(study_name=name, storage=storage).get_trials()
    ]


def n_epochs(trials):
    return sum(len(trial.intermediate_values) for trial in trials)


def assert_pruned(search, plain, trials, param="learning_rate"):
    """The two bad candidates were ended at their second epoch, on both folds."""
    bad = np.array([params[param] < 1e-3 for params in plain.cv_results_["params"]])
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(
        scores[~bad], plain.cv_results_["mean_test_score"][~bad]
    )
    assert np.isnan(scores[bad]).all()
    ranks = search.cv_results_["rank_test_score"]
    assert ranks[bad].min() > ranks[~bad].max()
    assert search.best_params_ == plain.best_params_
    np.testing.assert_array_equal(search.predict_proba(X), plain.predict_proba(X))
    states = [trial.state for trial in trials]
    assert states.count(TrialState.PRUNED) == states.count(TrialState.COMPLETE) == 4
    assert n_epochs(trials) == 4 * EPOCHS + 4 * 2  # without pruning 8 * EPOCHS


def test_bad_candidates_are_ended(pruning):
    plain = make_search().fit(X, Y)
    assert not np.isnan(plain.cv_results_["mean_test_score"]).any()
    search = make_search().set_callbacks(pruning)
    with pytest.warns(FitFailedWarning, match="PrunedFit: .* no error: .* above"):
        search.fit(X, Y)
    trials = trials_of(pruning)
    assert_pruned(search, plain, trials)
    # Of the fits that were not ended, the journal holds the losses of every epoch.
    for trial in trials:
        if trial.state == TrialState.COMPLETE:
            assert list(trial.intermediate_values) == list(range(EPOCHS))
            assert trial.value == min(trial.intermediate_values.values())


def test_each_fold_is_compared_with_itself(pruning):
    """All fits on a fold that is hard to learn are worse than those on the other."""
    hard = np.r_[: len(Y) // 2]
    y = Y.copy()
    y[hard] = np.random.RandomState(0).permutation(y[hard])
    easy = np.r_[len(Y) // 2 : len(Y)]
    folds = [(easy[::2], easy[1::2]), (hard[::2], hard[1::2])]
    plain = make_search(cv=folds).fit(X, y)
    search = make_search(cv=folds).set_callbacks(pruning)
    with pytest.warns(FitFailedWarning):
        search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(scores[:2], plain.cv_results_["mean_test_score"][:2])
    losses = [
        trial.value for trial in trials_of(pruning) if trial.state.name == "COMPLETE"
    ]
    assert max(losses[:2]) < min(losses[2:])


@pytest.mark.nightly
def test_workers_share_the_journal(tmp_path, pruning):
    def meet(X):
        """Wait for the other worker, so that each of the two does some fits."""
        (tmp_path / f"{os.getpid()}.pid").touch()
        for _ in range(10_000):
            if len(list(tmp_path.glob("*.pid"))) >= 2:
                return X
            time.sleep(0.02)
        raise TimeoutError("the other worker did not start")

    model = make_pipeline(FunctionTransformer(meet), StandardScaler(), make_model())
    search = make_search(model, "mlpclassifier__learning_rate", n_jobs=2)
    search = fit(search, ProgressBar(), pruning)
    trials = trials_of(pruning)
    assert len(trials) == 8
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    journal = Path(pruning.path).read_text()
    assert len(set(re.findall(r'"worker_id":"([^"]+)-', journal))) >= 2
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores[3])
    assert search.best_params_["mlpclassifier__learning_rate"] in RATES[:2]


def test_in_a_pipeline(pruning):
    model, param = make_pipeline(StandardScaler(), make_model()), "mlpclassifier__"
    plain = make_search(model, f"{param}learning_rate").fit(X, Y)
    search = fit(make_search(model, f"{param}learning_rate"), ProgressBar(), pruning)
    assert_pruned(search, plain, trials_of(pruning), f"{param}learning_rate")


def test_the_refit_is_never_ended(pruning):
    """A `refit` that picks the worst candidate would be ended if it could be."""
    search = make_search(refit=lambda results: 3)
    search = fit(search, pruning)
    assert np.isnan(search.cv_results_["mean_test_score"][3])
    assert search.best_estimator_.n_iter_ == EPOCHS
    assert len(trials_of(pruning)) == 8


@pytest.mark.nightly
def test_the_refit_of_an_inner_search_is_never_ended(pruning):
    inner = make_search(refit=lambda results: 3)
    outer = GridSearchCV(inner, {"estimator__dropout": [0.0, 0.1]}, cv=2)
    outer = fit(outer, pruning)
    assert not np.isnan(outer.cv_results_["mean_test_score"]).any()
    # Inner searches of two candidates on two folds, and of the final fit, which is no
    # evaluation itself but holds some.
    states = [trial.state.name for trial in trials_of(pruning, 2 * 5)]
    assert states == 10 * (2 * ["COMPLETE"] + 2 * ["PRUNED"])


def test_each_search_has_a_study_of_its_own(pruning):
    for n_searches in (1, 2):
        fit(make_search(), pruning)
        trials = trials_of(pruning, 2 * n_searches)
        assert len(trials) == 8 * n_searches


def test_start_up_and_warm_up(tmp_path):
    late = MedianPruning(tmp_path / "late", n_startup_fits=3)
    fit(make_search(), late)
    states = [trial.state.name for trial in trials_of(late)]
    assert states == 2 * (3 * ["COMPLETE"] + ["PRUNED"])
    never = MedianPruning(tmp_path / "never", n_warmup_epochs=EPOCHS)
    fit(make_search(), never)
    assert n_epochs(trials_of(never)) == 8 * EPOCHS
    patient = MedianPruning(tmp_path / "patient", n_startup_fits=2, n_warmup_epochs=3)
    fit(make_search(), patient)
    assert n_epochs(trials_of(patient)) == 4 * EPOCHS + 4 * 4


def test_a_search_of_this_package(tmp_path, pruning):
    search = OptunaSearchCV(
        make_model(),
        lambda trial: {"learning_rate": RATES[trial.number % 4]},
        n_trials=4,
        cv=2,
        random_state=0,
    )
    fit(search, pruning)
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(np.isnan(scores), [False, False, True, True])


def test_generic_estimators(pruning):
    import keras

    def build(meta):
        return keras.Sequential(
            [
                keras.layers.Input(meta["X_shape_"][1:]),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )

    model = KerasClassifier(
        build,
        loss="binary_crossentropy",
        optimizer="adam",
        epochs=EPOCHS,
        validation_split=0.2,
        random_state=0,
        verbose=0,
    )
    search = fit(make_search(model, "optimizer__learning_rate"), pruning)
    assert np.isnan(search.cv_results_["mean_test_score"][2:]).all()
    assert not np.isnan(search.cv_results_["mean_test_score"][:2]).any()


@pytest.mark.parametrize("error_score", ["raise", 0.0])
@pytest.mark.parametrize("nested", [False, True])
def test_error_score_must_be_nan(pruning, error_score, nested):
    search = make_search(error_score=error_score)
    search = make_pipeline(StandardScaler(), search) if nested else search
    with pytest.raises(
        ValueError, match=r"error_score=np\.nan.* Received: error_score="
    ):
        fit(search, pruning)


def test_there_must_be_a_validation_loss(pruning):
    search = make_search(make_model(early_stopping=False))
    with pytest.raises(ValueError, match=r"set early_stopping=True, or pass X_val"):
        fit(search, pruning)


def test_there_must_be_a_search(pruning):
    with pytest.raises(ValueError, match=r"set it on GridSearchCV .* MLPClassifier\."):
        make_model().set_callbacks(pruning).fit(X, Y)


def test_estimators_without_epochs_are_left_alone(pruning):
    grid = {"C": [0.1, 1.0]}
    search = fit(GridSearchCV(LogisticRegression(), grid), pruning)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert not os.path.exists(pruning.path)


@pytest.mark.parametrize(
    "wrong", [{"n_startup_fits": 0}, {"n_warmup_epochs": -1}, {"path": None}]
)
def test_parameters_are_checked(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MedianPruning(**{"path": "prune.journal", **wrong})


def test_missing_optuna(monkeypatch, pruning):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r'pip install "skrec-keras\[optuna\]"'):
        fit(make_search(), pruning)


def test_what_was_ended_is_not_stored_as_complete(tmp_path, pruning):
    plain = make_search().fit(X, Y)
    model = make_model(memory=tmp_path / "fits")
    pruned = fit(make_search(model), pruning)
    assert np.isnan(pruned.cv_results_["mean_test_score"][2:]).all()
    again = make_search(model).fit(X, Y)  # what was ended is trained to its end
    np.testing.assert_array_equal(
        again.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    pruned_again = fit(make_search(model), pruning)  # from stored epochs alone
    np.testing.assert_array_equal(
        pruned_again.cv_results_["mean_test_score"],
        pruned.cv_results_["mean_test_score"],
    )


# ---- a journal that fails ----------------------------------------------------------


def assert_nothing_is_pruned(search, pruning):
    """Without a journal, every fit goes on, and one warning says so."""
    plain = make_search().fit(X, Y).cv_results_["mean_test_score"]
    with pytest.warns(UserWarning, match="MedianPruning has stopped") as caught:
        search.set_callbacks(pruning).fit(X, Y)
    said = [str(w.message) for w in caught if "MedianPruning" in str(w.message)]
    assert len(said) == 1
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(scores, plain)
    return said[0]


@pytest.fixture
def small_files():
    """Let no file grow beyond some bytes, as a full disk does, in this process."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda n: resource.setrlimit(resource.RLIMIT_FSIZE, (n, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize(
    "n_bytes",
    [
        pytest.param(0, marks=pytest.mark.nightly),
        300,
        pytest.param(4000, marks=pytest.mark.nightly),
    ],
)
def test_a_journal_that_cannot_grow_ends_no_fit(pruning, small_files, n_bytes):
    small_files(n_bytes)
    message = assert_nothing_is_pruned(make_search(), pruning)
    small_files(resource.RLIM_INFINITY)
    assert "OSError: [Errno 27]" in message
    assert os.path.getsize(pruning.path) <= n_bytes
    fit(make_search(), pruning)  # what there is can still be read, and goes on
    names = optuna.get_all_study_names(open_storage(pruning.path))
    states = [trial.state for trial in trials_of(pruning, len(names))]
    assert states.count(TrialState.PRUNED) >= 4


@pytest.mark.parametrize(
    "n_jobs",  # workers tell of it once, not each
    [1, pytest.param(2, marks=pytest.mark.nightly)],
)
def test_a_journal_that_is_damaged_within_a_search_ends_no_fit(pruning, n_jobs):
    def damage(estimator, X, y):
        with open(pruning.path, "a") as file:
            file.write("{\n\n")
        return estimator.score(X, y)

    assert_nothing_is_pruned(make_search(scoring=damage, n_jobs=n_jobs), pruning)


@pytest.mark.parametrize(
    "exists", [pytest.param(False, marks=pytest.mark.nightly), True]
)
def test_a_path_that_cannot_be_written_ends_no_fit(pruning, monkeypatch, exists):
    if exists:
        fit(make_search(), pruning)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "cannot be written" in assert_nothing_is_pruned(make_search(), pruning)
    assert os.path.exists(pruning.path) is exists


def test_a_warning_that_is_an_error_fails_no_fit(pruning, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journals.os, "fsync", full)
    search = make_search().set_callbacks(pruning)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "MedianPruning")
        with pytest.raises(UserWarning, match="No space left on device"):
            search.fit(X, Y)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


def test_a_search_whose_process_was_killed_is_run_again(pruning):
    fit(make_search(), pruning)
    with open(pruning.path, "a") as file:
        file.write('{"op_code":4,"worker_id":"1b')
    lock = Path(pruning.path + ".lock")
    lock.touch()
    os.utime(lock, (1, 1))
    search = fit(make_search(), pruning)
    assert np.isnan(search.cv_results_["mean_test_score"][2:]).all()
    assert len(trials_of(pruning, 4)) == 16

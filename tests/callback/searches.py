"""Searches that are tracked, and what a store must have of them."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skrec import MLPClassifier
from skrec.model_selection import OptunaSearchCV
from tests.callback.stores import STORES, TensorBoard

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] + 0.3 * RNG.normal(size=60) > 0).astype(int)
RATES = [0.01, 0.1]
EPOCHS = 3
# The same contract for each store; what test environments lack is in the extra.
EACH = [
    pytest.param(kind, id=kind.name, marks=[] if kind is TensorBoard else marks)
    for kind in STORES
    for marks in [[pytest.mark.trackers]]
]


def make_model(**kwargs):
    kwargs = {"random_state": 0, "epochs": EPOCHS, **kwargs}
    return MLPClassifier(
        units=4, early_stopping=True, n_iter_no_change=9, linear_start=False, **kwargs
    )


def make_search(model=None, **kwargs):
    grid = {"learning_rate": RATES}
    return GridSearchCV(model or make_model(), grid, **{"cv": 2, **kwargs})


def by_name(runs):
    names = [run.name for run in runs]
    assert len(set(names)) == len(names), names
    return {run.name: run for run in runs}


def assert_complete(store, search, root="GridSearchCV"):
    """Each fit of a search is one run below that of the search, with its figures."""
    runs = by_name(store.runs())
    rows, folds = len(search.cv_results_["params"]), search.n_splits_
    fits = [f"candidate-{r}-fold-{f}" for r in range(rows) for f in range(folds)]
    [parent] = [name for name in runs if name.startswith(root)]
    assert set(runs) == {parent, "refit", *fits}
    assert runs[parent].parent is None
    assert {run.parent for name, run in runs.items() if name != parent} == {parent}
    assert {run.status for run in runs.values()} == {"finished"}
    assert len({run.path for run in runs.values()}) == len(runs)
    for row, params in enumerate(search.cv_results_["params"]):
        for fold in range(folds):
            run = runs[f"candidate-{row}-fold-{fold}"]
            score = search.cv_results_[f"split{fold}_test_score"][row]
            assert run.scores == {"test_score": pytest.approx(score)}
            for name, value in params.items():
                assert str(run.params[name]) == str(value)
    best = runs[parent].scores["mean_test_score"]
    assert best == pytest.approx(search.best_score_)
    for name, value in search.best_params_.items():
        assert str(runs["refit"].params[name]) == str(value)
    return runs


def assert_series(run, history):
    assert set(run.series) == set(history)
    for name, values in history.items():
        steps, found = zip(*run.series[name], strict=True)
        assert list(steps) == list(range(1, len(values) + 1))
        np.testing.assert_allclose(found, values, rtol=1e-6)


def histories(search):
    """Return what each fit of a search comes to, made once more by hand."""
    found = {"refit": search.best_estimator_.history_}
    for row, params in enumerate(search.cv_results_["params"]):
        for fold, (train, _) in enumerate(search._checked_cv_orig.split(X, Y)):
            model = make_model(**params).fit(X[train], Y[train])
            found[f"candidate-{row}-fold-{fold}"] = model.history_
    return found


def build():
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")]
    )


def resumable(folder):
    return make_search(make_model(memory=f"{folder}/fits"))


def stored(folder):
    return OptunaSearchCV(
        make_model(),
        {"learning_rate": (0.01, 0.1)},
        n_trials=3,
        cv=2,
        storage=f"{folder}/study.journal",
        random_state=0,
    )

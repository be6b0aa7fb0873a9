"""Trackers: one run a fit, with all that belongs to it, and nothing twice."""

import warnings

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    ParameterGrid,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrec import KerasClassifier
from skrec.model_selection import HyperbandSearchCV
from tests.callback.searches import (
    EPOCHS,
    RATES,
    X,
    Y,
    assert_complete,
    assert_series,
    build,
    by_name,
    histories,
    make_model,
    make_search,
)
from tests.callback.stores import TensorBoard

# ---- one run a fit -----------------------------------------------------------------


def test_each_fit_of_a_search_is_a_run_and_no_fit_is_kept_twice(store):
    search = make_search().set_callbacks(store.tracker()).fit(X, Y)

    runs = assert_complete(store, search)
    for name, history in histories(search).items():
        assert_series(runs[name], history)
    make_search(verbose=0).set_callbacks(store.tracker()).fit(X, Y)
    assert len(store.runs()) == len(runs)
    other = make_search(make_model(random_state=1)).set_callbacks(store.tracker())
    other.fit(X, Y)
    assert len(store.runs()) == 2 * len(runs)


def test_processes_share_the_work(store):
    search = make_search(n_jobs=2, verbose=0).set_callbacks(store.tracker()).fit(X, Y)

    runs = assert_complete(store, search)
    for name, history in histories(search).items():
        assert_series(runs[name], history)


@pytest.mark.filterwarnings("ignore:The estimator ExtraTrees.*does not support")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_estimators_that_know_no_callbacks(store, n_jobs):
    trees = ExtraTreesClassifier(n_estimators=2, random_state=0)
    grid = {"max_depth": [1, 3]}
    search = GridSearchCV(trees, grid, cv=2, n_jobs=n_jobs)
    search.set_callbacks(store.tracker()).fit(X, Y)

    runs = assert_complete(store, search)
    assert all(run.series == {} for run in runs.values())
    again = GridSearchCV(trees, grid, cv=2).set_callbacks(store.tracker()).fit(X, Y)
    assert len(store.runs()) == len(runs)
    np.testing.assert_array_equal(
        again.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


def test_a_fit_alone_is_a_run(store):
    model = make_model().set_callbacks(store.tracker()).fit(X, Y)

    [run] = store.runs()
    assert run.name.startswith("MLPClassifier")
    assert (run.parent, run.status, run.path) == (None, "finished", (0,))
    assert_series(run, model.history_)
    model.fit(X, Y)
    assert len(store.runs()) == 1
    model.set_params(random_state=None).fit(X, Y)
    model.fit(X, Y)
    assert len(store.runs()) == 3  # without a seed each is another one


def test_several_trackers_each_keep_all(tmp_path):
    boards = [TensorBoard(tmp_path / name) for name in ("one", "other")]
    search = make_search().set_callbacks(*(board.tracker() for board in boards))
    search.fit(X, Y)

    for board in boards:
        assert_complete(board, search)


def test_each_part_of_a_stream_is_a_run(board):
    model = make_model().set_callbacks(board.tracker())
    model.partial_fit(X, Y, classes=[0, 1])
    model.partial_fit(X, Y)

    losses = [run.series["loss"] for run in board.runs()]
    assert [[step for step, _ in loss] for loss in losses] == [[1], [1]]
    assert losses[0] != losses[1]


def test_epochs_of_a_pipeline(board):
    model = make_pipeline(StandardScaler(), make_model())
    grid = {"mlpclassifier__learning_rate": RATES}
    search = GridSearchCV(model, grid, cv=2).set_callbacks(board.tracker()).fit(X, Y)

    runs = assert_complete(board, search)
    assert_series(runs["refit"], search.best_estimator_[-1].history_)


def test_epochs_of_a_network_of_ones_own(board):
    model = KerasClassifier(build, loss="binary_crossentropy", epochs=2, verbose=0)
    model.set_params(random_state=0).set_callbacks(board.tracker()).fit(X, Y)
    [run] = board.runs()
    assert_series(run, model.history_)


def test_a_search_within_a_search(board):
    inner = GridSearchCV(LogisticRegression(), {"C": [1.0, 10.0]}, cv=2)
    outer = GridSearchCV(inner, {"estimator__tol": [1e-4, 1e-3]}, cv=2)
    outer.set_callbacks(board.tracker()).fit(X, Y)

    runs = board.runs()
    assert len(runs) == 1 + 5 + 5 * 5  # the outer one, its fits, and theirs
    assert len({run.path for run in runs}) == len(runs)
    middle = [run for run in runs if run.parent and run.parent.startswith("Grid")]
    assert len(middle) == 5
    assert all("mean_test_score" in run.scores for run in middle)
    innermost = [run for run in runs if len(run.path) == 5]
    assert all("test_score" in run.scores for run in innermost)


def test_each_fold_of_a_cross_validation(board):
    model = make_model().set_callbacks(board.tracker())
    cross_val_score(model, X, Y, cv=3)

    assert len(board.runs()) == 3
    assert all(len(run.series["loss"]) == EPOCHS for run in board.runs())


# ---- other searches ----------------------------------------------------------------


def test_rounds_of_a_search_that_proposes(store):
    search = HyperbandSearchCV(
        make_model(epochs=1),
        {"learning_rate": RATES},
        max_epochs=3,
        cv=2,
        random_state=0,
    )
    with warnings.catch_warnings():  # the space is as small as it is
        warnings.filterwarnings("ignore", "The total space of parameters")
        search.set_callbacks(store.tracker()).fit(X, Y)

    results = search.cv_results_
    runs = by_name(store.runs())
    fits = [run for run in runs.values() if "fold" in run.name]
    assert len(runs) == len(fits) + 2
    found = {
        (str(run.params["learning_rate"]), str(run.params["epochs"]), run.name[-1]): run
        for run in fits
    }
    assert len(found) == len(fits)
    expected = set()
    for row, params in enumerate(results["params"]):
        for fold in range(2):
            key = str(params["learning_rate"]), str(params["epochs"]), str(fold)
            expected.add(key)
            score = results[f"split{fold}_test_score"][row]
            assert found[key].scores == {"test_score": pytest.approx(score)}
            assert len(found[key].series["loss"]) == params["epochs"]
    assert set(found) == expected


def test_rounds_of_halving(board):
    search = HalvingGridSearchCV(make_model(epochs=1), {"learning_rate": RATES}, cv=2)
    search.set_params(resource="epochs", max_resources=4, min_resources=2, factor=2)
    search.set_callbacks(board.tracker()).fit(X, Y)

    results = search.cv_results_
    fits = [run for run in board.runs() if "fold" in run.name]
    assert len(fits) == 2 * len(results["params"]) == len(board.runs()) - 2
    for row, params in enumerate(results["params"]):
        for fold in range(2):
            [run] = [
                run
                for run in fits
                if all(run.params[name] == params[name] for name in params)
                and run.name.endswith(f"fold-{fold}")
            ]
            assert len(run.series["loss"]) == params["epochs"]
            score = results[f"split{fold}_test_score"][row]
            assert run.scores["test_score"] == pytest.approx(score)


class Silent(GridSearchCV):
    """A search as others write them, which tells callbacks nothing of its fits."""

    def _run_search(self, evaluate_candidates):
        evaluate_candidates(ParameterGrid(self.param_grid))


def test_searches_that_tell_callbacks_nothing(board):
    search = Silent(LogisticRegression(), {"C": [1.0, 10.0]}, cv=2)
    search.set_callbacks(board.tracker()).fit(X, Y)

    assert_complete(board, search, root="Silent")


def test_a_fit_that_fails_is_a_run_that_failed(store):
    class Failing(LogisticRegression):
        def fit(self, X, y):
            if self.C < 0:
                raise ZeroDivisionError("no such thing")
            return super().fit(X, y)

    search = GridSearchCV(Failing(), {"C": [1.0, -1.0]}, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.set_callbacks(store.tracker()).fit(X, Y)

    status = {run.name: run.status for run in store.runs() if "fold" in run.name}
    assert status == {
        "candidate-0-fold-0": "finished",
        "candidate-0-fold-1": "finished",
        "candidate-1-fold-0": "failed",
        "candidate-1-fold-1": "failed",
    }
    assert len(store.runs()) == 6

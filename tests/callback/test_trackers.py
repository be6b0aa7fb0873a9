"""Trackers: one run a fit, with all that belongs to it, and nothing twice."""

import sys
import types
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

from skrec import KerasClassifier, MLPClassifier
from skrec.callback import MLflowTracker, TensorBoardTracker, WandbTracker
from skrec.model_selection import HyperbandSearchCV, OptunaSearchCV
from tests.callback.stores import STORES, MLflow, TensorBoard, Wandb, accumulate
from tests.fresh import run_fresh

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


@pytest.fixture(params=EACH)
def store(request, tmp_path):
    return request.param(tmp_path)


@pytest.fixture
def board(tmp_path):
    return TensorBoard(tmp_path)


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
    """Each fit of a search is one run below that of the search, with its own figures."""
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


# ---- broken off, and gone on with --------------------------------------------------


def fail_at(monkeypatch, n_scored, error):
    """Let a score fail, as if somebody had pressed Ctrl-C."""
    plain, scored = MLPClassifier.score, []

    def score(*args, **kwargs):
        scored.append(args)
        if len(scored) == n_scored:
            raise error
        return plain(*args, **kwargs)

    monkeypatch.setattr(MLPClassifier, "score", score)


def test_a_search_that_was_interrupted_gives_way_to_one_that_ends(store, tmp_path):
    search = make_search(make_model(memory=tmp_path / "fits"))
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, 3, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            search.set_callbacks(store.tracker()).fit(X, Y)
    done = by_name(store.runs())
    assert sorted(run.status for run in done.values()) == ["failed"] + ["finished"] * 3
    assert len(done["candidate-0-fold-1"].series["loss"]) == EPOCHS

    search.set_callbacks(store.tracker()).fit(X, Y)
    runs = assert_complete(store, search)
    for name, history in histories(search).items():
        assert_series(runs[name], history)


KILLED = """
import os, sys
from tests.callback import stores, test_trackers as tests

folder, name, kind = sys.argv[1:]
store = {store.name: store for store in stores.STORES}[name](folder)
plain, scored = tests.MLPClassifier.score, []

def score(*args, **kwargs):
    scored.append(args)
    if len(scored) == 4:
        os._exit(9)
    return plain(*args, **kwargs)

tests.MLPClassifier.score = score
getattr(tests, kind)(folder).set_callbacks(store.tracker()).fit(tests.X, tests.Y)
"""


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


def kill(store, folder, kind):
    with pytest.raises(AssertionError, match="the process died"):
        run_fresh(KILLED, folder, store.name, kind)


def test_a_search_that_was_killed_and_resumed_is_kept_once(store, tmp_path):
    kill(store, tmp_path, "resumable")
    assert len(store.runs()) == (0 if isinstance(store, Wandb) else 5)
    search = resumable(tmp_path).set_callbacks(store.tracker()).fit(X, Y)

    runs = assert_complete(store, search)
    for name, history in histories(search).items():
        assert_series(runs[name], history)


@pytest.mark.parametrize("kind", EACH[:2])
def test_fits_that_a_study_has_stored_are_taken_over(kind, tmp_path):
    store = kind(tmp_path)
    kill(store, tmp_path, "stored")
    search = stored(tmp_path).set_callbacks(store.tracker()).fit(X, Y)

    fits = {}
    for run in store.runs():
        if "fold" in run.name:
            fits.setdefault(str(run.params["learning_rate"]), []).append(run)
    results = search.cv_results_
    assert len(fits) == 3
    for row, params in enumerate(results["params"]):
        runs = fits[str(params["learning_rate"])]
        assert [len(run.series["loss"]) for run in runs] == [EPOCHS] * 2
        expected = [results[f"split{fold}_test_score"][row] for fold in range(2)]
        scores = [run.scores["test_score"] for run in runs]
        assert sorted(scores) == pytest.approx(sorted(expected))
    assert len(store.runs()) == 3 * 2 + 2
    stored(tmp_path).set_callbacks(store.tracker()).fit(X, Y)
    assert len(store.runs()) == 3 * 2 + 2


# ---- what goes wrong ---------------------------------------------------------------


def test_a_store_that_fails_ends_no_fit(board, monkeypatch):
    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr("skrec.callback._tensorboard.EventFiles.epoch", full)
    search = make_search().set_callbacks(board.tracker())
    with pytest.warns(UserWarning, match="TensorBoardTracker: .*fits went on.*space"):
        search.fit(X, Y)

    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


def test_fits_that_cannot_reach_the_search_have_scores(board, monkeypatch):
    from skrec.callback import _tracker

    plain = _tracker.send

    def send(handle, message):
        if message[1]["path"][:2] == (0, 0) and len(message[1]["path"]) == 3:
            raise ConnectionRefusedError
        plain(handle, message)

    monkeypatch.setattr(_tracker, "send", send)
    search = make_search().set_callbacks(board.tracker())
    with pytest.warns(UserWarning, match="4 fits ran where it could not be reached"):
        search.fit(X, Y)

    runs = assert_complete(board, search)
    assert [name for name, run in runs.items() if run.series] == ["refit"]


@pytest.mark.parametrize(
    ("package", "tracker"),
    [
        ("tensorboard", TensorBoardTracker("runs")),
        ("mlflow", MLflowTracker("sqlite:///mlflow.db")),
        ("wandb", WandbTracker()),
    ],
)
def test_a_package_that_is_missing_is_named_with_its_extra(
    package, tracker, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    search = make_search().set_callbacks(tracker)
    with pytest.raises(ImportError, match=rf'pip install "skrec-keras\[{package}\]"'):
        search.fit(X, Y)
    assert list(tmp_path.iterdir()) == []


def test_mlflow_takes_no_folder():
    with pytest.raises(ValueError, match=r"sqlite:///.* Received: 'mlruns'\."):
        MLflowTracker("mlruns")


def build():
    import keras

    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")]
    )


@pytest.mark.parametrize("has_package", [True, False])
@pytest.mark.parametrize("is_generic", [False, True])
def test_the_callback_of_keras(is_generic, has_package, monkeypatch, tmp_path):
    import keras

    callback = keras.callbacks.TensorBoard(tmp_path)
    if is_generic:
        model = KerasClassifier(build, loss="binary_crossentropy", verbose=0)
    else:
        model = make_model()
    model.set_params(callbacks=callback, epochs=2)
    if has_package:
        model.fit(X, Y)
        found = accumulate(tmp_path / "train").Tensors("epoch_loss")
        assert [event.step for event in found] == [0, 1]
    else:
        monkeypatch.setitem(sys.modules, "tensorboard", None)
        message = r'TensorBoard needs .*pip install "skrec-keras\[tensorboard\]"'
        with pytest.raises(ImportError, match=message):
            model.fit(X, Y)


# ---- what one store has ------------------------------------------------------------


def test_the_hparams_tab_compares_the_candidates(board, tmp_path):
    make_search().set_callbacks(board.tracker()).fit(X, Y)

    [root] = tmp_path.glob("GridSearchCV-*")
    experiment = board.hparams(root)["experiment"]
    assert [info.name for info in experiment.hparam_infos] == ["learning_rate"]
    assert "test_score" in [info.name.tag for info in experiment.metric_infos]
    for row, rate in enumerate(RATES):
        for fold in range(2):
            parts = board.hparams(root / f"candidate-{row}-fold-{fold}")
            started = parts["session_start_info"]
            assert started.hparams["learning_rate"].number_value == rate
            assert started.group_name == f"candidate-{row}"
            assert parts["session_end_info"].status == 1  # STATUS_SUCCESS


@pytest.mark.trackers
def test_mlflow_keeps_the_model_of_the_refit(tmp_path, monkeypatch):
    def dump(model, path):
        path.write_text(str(model.best_epoch_))

    monkeypatch.setitem(sys.modules, "skrec.io", types.SimpleNamespace(dump=dump))
    monkeypatch.chdir(tmp_path)
    store = MLflow(tmp_path)
    search = make_search().set_callbacks(store.tracker()).fit(X, Y)

    [path] = tmp_path.rglob("model.skops")
    assert path.read_text() == str(search.best_estimator_.best_epoch_)
    [(folder,)] = store.ask("select artifact_uri from runs where name = 'refit'")
    assert str(path.parent) == folder


@pytest.mark.trackers
def test_a_model_that_cannot_be_kept_costs_no_figures(tmp_path, monkeypatch):
    def dump(model, path):
        raise ValueError("no such luck")

    monkeypatch.setitem(sys.modules, "skrec.io", types.SimpleNamespace(dump=dump))
    store = MLflow(tmp_path)
    search = make_search().set_callbacks(store.tracker())
    with pytest.warns(UserWarning, match="the model was not kept: .*no such luck"):
        search.fit(X, Y)
    assert_complete(store, search)

"""What one store alone has, and what goes wrong with them."""

import pickle
import sys
import types

import keras
import numpy as np
import pytest

from skrec import KerasClassifier
from skrec.callback import MLflowTracker, TensorBoardTracker, WandbTracker
from tests.callback.searches import (
    RATES,
    X,
    Y,
    assert_complete,
    build,
    make_model,
    make_search,
)
from tests.callback.stores import MLflow, accumulate

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


@pytest.mark.parametrize("has_package", [True, False])
@pytest.mark.parametrize("is_generic", [False, True])
def test_the_callback_of_keras(is_generic, has_package, monkeypatch, tmp_path):
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
def test_mlflow_keeps_the_model_of_a_fit_alone(tmp_path, monkeypatch):
    def dump(model, path):
        path.write_bytes(pickle.dumps(model))  # fails on what a running fit holds

    monkeypatch.setitem(sys.modules, "skrec.io", types.SimpleNamespace(dump=dump))
    monkeypatch.chdir(tmp_path)
    model = make_model().set_callbacks(MLflow(tmp_path).tracker()).fit(X, Y)

    [path] = tmp_path.rglob("model.skops")
    kept = pickle.loads(path.read_bytes())
    np.testing.assert_array_equal(kept.predict_proba(X), model.predict_proba(X))
    assert not any("callback" in name and value for name, value in vars(kept).items())


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

"""Finished fits are found again, continued bit for bit, and never trusted blindly."""

import contextlib
import json
import pickle
import resource
import warnings
from functools import partial
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_iris

from skrec import CNNClassifier, KerasClassifier, MLPClassifier, MLPRegressor
from skrec.training import clear_memory, limit_memory, memory, memory_info
from tests.estimators.generic_models import CROSS_ENTROPY, build
from tests.night import by_day
from tests.plain import PLAIN, STEPS

X, Y = load_iris(return_X_y=True)
SMALL = {"units": 4, "epochs": 3, "learning_rate": 0.02, "random_state": 0}
QUICK = {**PLAIN, **SMALL}


@pytest.fixture(autouse=True)
def warnings_come_again(monkeypatch):
    monkeypatch.setattr(memory, "_warned", set())


def numbers(estimator):
    """Return everything that training gave."""
    if isinstance(estimator, KerasClassifier):
        slots = [variable.numpy() for variable in estimator.model_.optimizer.variables]
        arrays = estimator.model_.get_weights() + slots
    else:
        arrays = estimator._state.weights + estimator._state.optimizer
    epochs = estimator.n_iter_, getattr(estimator, "best_epoch_", None)
    return [array.tobytes() for array in arrays], estimator.history_, epochs


def generic(**params):
    defaults = {"model": build, "loss": CROSS_ENTROPY, "optimizer": "adam"}
    defaults |= {"verbose": 0, "epochs": 3, "random_state": 0}
    return KerasClassifier(**{**defaults, **params})


# ---- found again ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(**QUICK),
        pytest.param(
            MLPRegressor(**{**QUICK, "early_stopping": True}, n_iter_no_change=3),
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            MLPClassifier(units=4, epochs=3, random_state=0), marks=pytest.mark.nightly
        ),
        CNNClassifier(**{**STEPS, **SMALL, "dropout": 0.2}, filters=2, batch_norm=True),
        pytest.param(generic(), marks=pytest.mark.nightly),
        generic(optimizer="rmsprop", metrics=["accuracy"], validation_split=0.2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_fit_is_found_again_bit_for_bit(estimator, tmp_path, trained):
    fresh = clone(estimator).fit(X, Y)
    del trained[:]
    first = clone(estimator).set_params(memory=str(tmp_path)).fit(X, Y)
    assert len(trained) == 3
    again = clone(first).fit(X, Y)
    assert len(trained) == 3
    assert numbers(fresh) == numbers(first) == numbers(again)
    np.testing.assert_array_equal(fresh.predict(X), again.predict(X))


@pytest.mark.parametrize("kind", [str, Path, partial(joblib.Memory, verbose=0)])
def test_memory_is_a_path_or_a_joblib_memory(kind, tmp_path, trained):
    location = (
        kind(tmp_path) if kind is not joblib.Memory else kind(tmp_path, verbose=0)
    )
    for _ in range(2):
        MLPClassifier(**QUICK, memory=location).fit(X, Y)
    assert len(trained) == 3
    assert memory_info(location).n_fits == memory_info(tmp_path).n_fits == 1


def test_a_joblib_memory_without_location_stores_nothing(trained):
    for _ in range(2):
        MLPClassifier(**QUICK, memory=joblib.Memory(None)).fit(X, Y)
    assert len(trained) == 6


OTHERS = {
    "units": {"units": 5},
    "learning_rate": {"learning_rate": 0.03},
    "dropout": {"dropout": 0.1},
    "l2": {"l2": 0.1},
    "clipnorm": {"clipnorm": 0.1},
    "batch_size": {"batch_size": 31},
    "random_state": {"random_state": 1},
    "optimizer": {"optimizer": "sgd"},
    "beta_1": {"optimizer__beta_1": 0.8},
    "an optimizer's flag": {"optimizer__amsgrad": True},
    "activation": {"activation": "tanh"},
    "standardize": {"standardize": False},
    "another scale": {"standardize": "standard"},
    "precision": {"precision": "float64"},
    "early_stopping": {"early_stopping": True},
    "linear_start": {"linear_start": True},
    "number_embedding": {"number_embedding": None},
    "lr_schedule": {"lr_schedule": "step"},
    "a function": {"lr_schedule": lambda epoch, rate: rate / 2},
    "another function": {"lr_schedule": lambda epoch, rate: rate / 3},
    "class_weight": {"class_weight": {0: 2.0}},
    "callbacks": {"callbacks": [keras.callbacks.EarlyStopping("loss", patience=1)]},
    "patience": {"callbacks": [keras.callbacks.EarlyStopping("loss", patience=2)]},
}


# By day, what needs no other graph, and one of each kind that does.
OF_ONE_GRAPH = [
    "units",
    "learning_rate",
    "dropout",
    "batch_size",
    "random_state",
    "optimizer",
    "beta_1",
    "standardize",
    "early_stopping",
    "lr_schedule",
    "a function",
    "another function",
    "class_weight",
]


@pytest.mark.parametrize(
    "names", [OF_ONE_GRAPH, pytest.param(list(OTHERS), marks=pytest.mark.nightly)]
)
def test_whatever_changes_the_result_is_another_fit(names, tmp_path):
    estimator = MLPClassifier(**QUICK, memory=tmp_path).fit(X, Y)
    for n_fits, params in enumerate(map(OTHERS.get, names), 2):
        clone(estimator).set_params(**params).fit(X, Y)
        assert memory_info(tmp_path).n_fits == n_fits, params


def test_other_data_are_another_fit(tmp_path):
    moved = X.copy()
    moved[7, 2] += 1e-6
    swapped = Y[::-1]
    weight = np.linspace(1, 2, len(X))
    data = [
        {"X": X, "y": Y},
        {"X": moved, "y": Y},
        {"X": X, "y": swapped},
        {"X": X, "y": Y, "sample_weight": weight},
        {"X": X, "y": Y, "X_val": X[:9], "y_val": Y[:9]},
        {"X": X, "y": Y, "X_val": X[:8], "y_val": Y[:8]},
    ]
    for n_fits, arguments in enumerate(data, 1):
        MLPClassifier(**QUICK, memory=tmp_path).fit(**arguments)
        assert memory_info(tmp_path).n_fits == n_fits
    MLPClassifier(**QUICK, memory=tmp_path).fit(X, Y, sample_weight=np.full(150, 3.0))
    assert memory_info(tmp_path).n_fits == len(data)  # equal weights are no weights


def test_what_changes_nothing_is_the_same_fit(tmp_path, trained, capsys):
    estimator = MLPClassifier(**QUICK, memory=tmp_path).fit(X, Y)
    clone(estimator).set_params(verbose=1).fit(X, Y)
    clone(estimator).fit(np.asfortranarray(X), Y.astype("int32"))
    names = np.array(["a", "b", "c"])
    clone(estimator).set_params(random_state=np.random.RandomState(3)).fit(X, Y)
    clone(estimator).set_params(random_state=np.random.RandomState(3)).fit(X, names[Y])
    assert len(trained) == 6
    assert capsys.readouterr().out.count("Epoch") == 3


def test_auto_is_the_same_fit_as_what_it_stands_for(tmp_path, trained):
    auto = MLPClassifier(4, epochs=3, random_state=0, memory=tmp_path).fit(X, Y)
    assert auto.auto_params_["early_stopping"] is True
    clone(auto).set_params(**auto.auto_params_).fit(X, Y)
    assert len(trained) == 3
    assert memory_info(tmp_path).n_fits == 1


def test_a_build_function_counts_by_the_model_that_it_builds(tmp_path, trained):
    generic(memory=tmp_path).fit(X, Y)

    def same(meta):
        return build(meta, units=8)

    generic(memory=tmp_path).set_params(model=same).fit(X, Y)
    assert len(trained) == 3
    for n_fits, params in enumerate(
        [{"units": 9}, {"rate": 0.1}, {"optimizer__learning_rate": 0.1}], 2
    ):
        generic(memory=tmp_path, **params).fit(X, Y)
        assert memory_info(tmp_path).n_fits == n_fits, params


# ---- continued -----------------------------------------------------------------------

FAMILIES = {
    "plain": {},
    "penalties": {"l1": 0.01, "clipnorm": 0.5, "dropout": 0.3},
    "schedule": {"lr_schedule": "exponential", "optimizer": "momentum"},
    "unfused": {"optimizer": "adam", "optimizer__amsgrad": True, "batch_norm": True},
    "early stopping": {
        "early_stopping": True,
        "n_iter_no_change": 2,
        "learning_rate": 0.1,
    },
    "the start is best": {
        "linear_start": True,
        "early_stopping": True,
        "n_iter_no_change": 6,
        "learning_rate": 3.0,
    },
    "mixed precision": {"precision": "mixed_float16"},
}


@pytest.mark.parametrize("name", by_day(FAMILIES, "early stopping"))
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 14), min_size=2, max_size=4))
def test_a_longer_fit_continues_bit_for_bit(name, tmp_path, trained, all_epochs):
    clear_memory(tmp_path)
    estimator = MLPClassifier(**QUICK).set_params(**FAMILIES[name])
    ends = {0}
    for epochs in all_epochs:
        estimator.set_params(epochs=epochs, memory=None)
        fresh = clone(estimator).fit(X, Y)
        del trained[:]
        found = clone(estimator).set_params(memory=tmp_path).fit(X, Y)
        assert numbers(found) == numbers(fresh)
        # Those that were stopped early are found for as many epochs as they took.
        assert len(trained) == fresh.n_iter_ - max(n for n in ends if n <= epochs)
        ends.add(fresh.n_iter_)


def test_a_schedule_over_all_epochs_is_never_continued(tmp_path, trained):
    estimator = MLPClassifier(**QUICK, lr_schedule="cosine", memory=tmp_path)
    estimator.fit(X, Y)
    longer = clone(estimator).set_params(epochs=5).fit(X, Y)
    assert len(trained) == 8
    fresh = clone(longer).set_params(memory=None).fit(X, Y)
    again = clone(longer).fit(X, Y)
    assert len(trained) == 13
    assert numbers(longer) == numbers(fresh) == numbers(again)


def test_callbacks_that_steer_are_stored_with_what_they_did(tmp_path, trained):
    def estimator():
        stop = keras.callbacks.EarlyStopping(
            "loss", patience=1, min_delta=9, restore_best_weights=True
        )
        params = {**QUICK, "epochs": 9, "callbacks": [stop]}
        return MLPClassifier(**params, memory=tmp_path)

    first = estimator().fit(X, Y)
    assert first.n_iter_ == 2
    again = estimator().fit(X, Y)
    assert len(trained) == 2
    assert numbers(first) == numbers(again)


class Interrupt:
    """A scikit-learn callback that stops, or breaks, a fit after some epochs."""

    def __init__(self, n_epochs, action):
        self.n_epochs, self.action = n_epochs, action

    def setup(self, estimator, context):
        self.seen = 0

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.seen += context.task_name == "epoch"
        if self.seen == self.n_epochs:
            return self.action()
        return False


def fail():
    raise RuntimeError("pulled the plug")


def test_a_fit_that_is_stopped_leaves_what_it_has_trained(tmp_path, trained):
    estimator = MLPClassifier(**QUICK, memory=tmp_path).set_params(epochs=8)
    stopped = clone(estimator).set_callbacks(Interrupt(5, lambda: True)).fit(X, Y)
    assert (stopped.n_iter_, len(trained)) == (5, 5)
    shorter = clone(estimator).set_params(epochs=5, memory=None).fit(X, Y)
    assert numbers(stopped) == numbers(shorter)
    del trained[:]
    whole = clone(estimator).fit(X, Y)
    assert len(trained) == 3
    # Asked again, it stops where it would have, though more is stored.
    del trained[:]
    again = clone(estimator).set_callbacks(Interrupt(5, lambda: True)).fit(X, Y)
    early = clone(estimator).set_callbacks(Interrupt(2, lambda: True)).fit(X, Y)
    assert (again.n_iter_, early.n_iter_, len(trained)) == (5, 2, 2)
    assert numbers(again) == numbers(stopped)
    assert numbers(whole)[1]["loss"][:2] == early.history_["loss"]


def test_a_fit_that_breaks_is_not_stored_as_finished(tmp_path, trained):
    estimator = MLPClassifier(**QUICK, memory=tmp_path)
    with pytest.raises(RuntimeError, match="pulled the plug"):
        clone(estimator).set_callbacks(Interrupt(2, fail)).fit(X, Y)
    assert memory_info(tmp_path).n_fits == 0
    del trained[:]
    clone(estimator).fit(X, Y)
    assert len(trained) == 3


def test_a_long_fit_that_breaks_goes_on_from_its_last_checkpoint(
    tmp_path, trained, monkeypatch
):
    monkeypatch.setattr(memory, "CHECKPOINT_SECONDS", 0.0)
    estimator = MLPClassifier(**QUICK, memory=tmp_path).set_params(epochs=8)
    with pytest.raises(RuntimeError, match="pulled the plug"):
        clone(estimator).set_callbacks(Interrupt(6, fail)).fit(X, Y)
    info = memory_info(tmp_path)
    assert (info.n_states, info.n_epochs) == (1, 5)
    del trained[:]
    found = clone(estimator).fit(X, Y)
    assert len(trained) == 3
    assert numbers(found) == numbers(clone(estimator).set_params(memory=None).fit(X, Y))
    assert memory_info(tmp_path).n_states == 2  # that of the break, and the end


def test_scikit_learns_callbacks_see_the_epochs_that_were_found(tmp_path, trained):
    estimator = MLPClassifier(**QUICK, memory=tmp_path).fit(X, Y)
    seen = Interrupt(99, fail)
    clone(estimator).set_callbacks(seen, ProgressBar()).fit(X, Y)
    assert (seen.seen, len(trained)) == (3, 3)
    # This one scores the estimator after each epoch, so that it has to be trained.
    monitor = ScoringMonitor(scoring="accuracy")
    clone(estimator).set_callbacks(monitor).fit(X, Y)
    assert len(trained) == 6
    assert len(monitor.get_logs().data) >= 3


# ---- bypassed ------------------------------------------------------------------------


def test_without_a_seed_nothing_is_stored_and_that_is_said_once(tmp_path):
    estimator = MLPClassifier(**QUICK, memory=tmp_path).set_params(random_state=None)
    with pytest.warns(UserWarning, match="random_state=None.*Set random_state") as seen:
        clone(estimator).fit(X, Y)
        clone(estimator).fit(X, Y)
    assert len(seen) == 1
    assert memory_info(tmp_path).n_fits == 0


def test_warm_start_and_partial_fit_store_nothing(tmp_path):
    estimator = MLPClassifier(**QUICK, memory=tmp_path)
    clone(estimator).set_params(warm_start=True).fit(X, Y).fit(X, Y)
    clone(estimator).partial_fit(X, Y).partial_fit(X, Y)
    generic(memory=tmp_path).partial_fit(X, Y)
    assert memory_info(tmp_path).n_fits == 0


class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3, "softmax")

    def call(self, inputs):
        return self.dense(inputs)


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(**QUICK, callbacks=[keras.callbacks.CSVLogger("log.csv")]),
        MLPClassifier(**QUICK, callbacks=[keras.callbacks.Callback()]),
        generic(model=lambda: Model()),
    ],
    ids=["a callback that writes", "any callback", "a subclassed model"],
)
def test_what_has_no_key_is_not_stored_and_that_is_said_once(
    estimator, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    estimator.set_params(memory="store")
    with pytest.warns(UserWarning, match="is not stored in memory='store'") as seen:
        clone(estimator).fit(X, Y)
        clone(estimator).fit(X, Y)
    assert len([w for w in seen if "is not stored" in str(w.message)]) == 1
    assert memory_info("store").n_fits == 0


@pytest.mark.parametrize("wrong", [3, ["store"]])
def test_memory_of_another_type_is_refused(wrong):
    with pytest.raises(ValueError, match="'memory' parameter"):
        MLPClassifier(memory=wrong).fit(X, Y)


# ---- damaged -------------------------------------------------------------------------


def stored(folder):
    (path,) = Path(folder).glob("skrec-finished-fits/*/*.npz")
    return path


class Exploding:
    def __reduce__(self):
        return fail, ()


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)


def pickle_inside(path):
    arrays = dict(np.load(path))
    arrays["weight_0"] = np.array([Exploding()], dtype=object)
    np.savez(path, **arrays)


def of_another_fit(path):
    arrays = dict(np.load(path))
    about = json.loads(arrays["about"].tobytes())
    about["key"] = "0" * 32
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, **arrays)


def of_another_shape(path):
    arrays = dict(np.load(path))
    arrays["weight_0"] = arrays["weight_0"][:-1]
    np.savez(path, **arrays)


def a_missing_array(path):
    arrays = dict(np.load(path))
    del arrays["optimizer_1"]
    np.savez(path, **arrays)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "half": lambda path: path.write_bytes(path.read_bytes()[:1000]),
    "a bit": flip_a_bit,
    "text": lambda path: path.write_text("hello"),
    "a pickle": lambda path: path.write_bytes(pickle.dumps(Exploding())),
    "a pickle inside": pickle_inside,
    "an array": lambda path: np.save(path.open("wb"), np.zeros(3)),
    "another fit": of_another_fit,
    "another shape": of_another_shape,
    "a missing array": a_missing_array,
}


@pytest.mark.parametrize(
    "damage", by_day(DAMAGES, "a bit", "truncated", "a pickle inside", "another fit")
)
def test_a_damaged_file_is_reported_once_and_trained_again(damage, tmp_path, trained):
    estimator = MLPClassifier(**QUICK, memory=tmp_path).fit(X, Y)
    DAMAGES[damage](stored(tmp_path))
    del trained[:]
    with pytest.warns(UserWarning, match="cannot be used .* trained again") as seen:
        again = clone(estimator).fit(X, Y)
    assert (len(seen), len(trained)) == (1, 3)
    assert numbers(again) == numbers(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clone(estimator).fit(X, Y)
    assert len(trained) == 3


@contextlib.contextmanager
def largest_file(n_bytes):
    """Let the operating system refuse larger files, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_costs_the_memory_and_nothing_else(tmp_path, trained):
    estimator = MLPClassifier(**QUICK, memory=tmp_path)
    with (
        largest_file(1000),
        pytest.warns(UserWarning, match="cannot be stored in memory=") as seen,
    ):
        first = clone(estimator).fit(X, Y)
        clone(estimator).fit(X, Y)
    assert (len(seen), len(trained)) == (1, 6)
    assert [path for path in tmp_path.glob("skrec-finished-fits/*/*")] == []
    assert numbers(first) == numbers(clone(estimator).fit(X, Y))


def test_a_folder_that_cannot_be_made_costs_the_memory_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("")
    estimator = MLPClassifier(**QUICK, memory=tmp_path / "file" / "store")
    with pytest.warns(UserWarning, match="cannot be stored") as seen:
        clone(estimator).fit(X, Y)
        clone(estimator).fit(X, Y)
    assert len(seen) == 1


@pytest.mark.nightly
def test_processes_that_train_one_fit_at_a_time_do_not_disturb_each_other(tmp_path):
    estimator = MLPClassifier(**QUICK, memory=tmp_path).set_params(epochs=20)
    fits = joblib.Parallel(n_jobs=2)(
        joblib.delayed(clone(estimator).fit)(X, Y) for _ in range(4)
    )
    assert len({repr(numbers(fit)) for fit in fits}) == 1
    assert len(list(tmp_path.glob("skrec-finished-fits/*/*"))) == 1
    assert numbers(clone(estimator).fit(X, Y)) == numbers(fits[0])


# ---- the store -----------------------------------------------------------------------


def test_info_counts_and_clear_removes(tmp_path, trained):
    estimator = MLPClassifier(**QUICK, memory=tmp_path).fit(X, Y)
    clone(estimator).set_params(epochs=5).fit(X, Y)
    clone(estimator).set_params(units=9).fit(X, Y)
    info = memory_info(tmp_path)
    assert (info.n_fits, info.n_states, info.n_epochs) == (2, 3, 8)
    assert info.n_bytes == sum(
        path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()
    )
    assert info.max_bytes is None
    (tmp_path / "not ours").write_text("")
    clear_memory(tmp_path)
    assert memory_info(tmp_path).n_fits == 0
    assert (tmp_path / "not ours").exists()
    del trained[:]
    clone(estimator).fit(X, Y)
    assert len(trained) == 3


def test_a_limit_keeps_what_was_used_last(tmp_path, trained):
    estimator = MLPClassifier(**QUICK, memory=tmp_path).fit(X, Y)
    size = memory_info(tmp_path).n_bytes
    clone(estimator).set_params(random_state=1).fit(X, Y)
    clone(estimator).fit(X, Y)  # used once more
    limit_memory(tmp_path, int(2.5 * size))
    clone(estimator).set_params(random_state=2).fit(X, Y)
    info = memory_info(tmp_path)
    assert (info.n_fits, info.max_bytes) == (2, int(2.5 * size))
    del trained[:]
    clone(estimator).fit(X, Y)
    assert len(trained) == 0
    clone(estimator).set_params(random_state=1).fit(X, Y)
    assert len(trained) == 3
    limit_memory(tmp_path, None)
    assert memory_info(tmp_path).max_bytes is None
    with pytest.raises(ValueError, match="max_bytes must be a number"):
        limit_memory(tmp_path, 0)

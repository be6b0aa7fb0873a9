"""A fit that is interrupted goes on from where it was stored, as if it had not been."""

import keras
import numpy as np
import pytest
from sklearn.base import clone

from skrec import MLPClassifier
from skrec.training import memory, memory_info
from tests.estimators.test_memory import QUICK, Interrupt, X, Y, fail, generic, numbers
from tests.night import by_day

EarlyStopping = keras.callbacks.EarlyStopping
Plateau = keras.callbacks.ReduceLROnPlateau
Scheduler = keras.callbacks.LearningRateScheduler

CALLBACKS = {
    "stopping": [
        EarlyStopping(
            "loss",
            patience=2,
            min_delta=9,
            start_from_epoch=2,
            restore_best_weights=True,
        )
    ],
    "plateau": [
        Plateau("loss", factor=0.5, patience=1, min_delta=0.1, cooldown=np.int64(1))
    ],
    "scheduler": [Scheduler(lambda epoch, rate: float(rate * 0.8))],
    "several": [
        Plateau("val_loss", factor=0.5, patience=1, min_delta=0.1),
        Scheduler(lambda epoch, rate: float(rate * 0.9)),
        EarlyStopping("val_loss", patience=3, min_delta=0.05),
    ],
}


def mlp(**params):
    return MLPClassifier(**QUICK).set_params(**{"epochs": 9, "l2": 0.0, **params})


STEERED = {
    "cosine": mlp(lr_schedule="cosine"),
    "cosine, early stopping": mlp(
        lr_schedule="cosine", early_stopping=True, n_iter_no_change=2
    ),
    "averages": mlp(optimizer__use_ema=True, optimizer__ema_overwrite_frequency=7),
    "averages, mixed precision": mlp(
        optimizer__use_ema=True, precision="mixed_float16"
    ),
    "averages, own network": generic(
        epochs=9, optimizer=keras.optimizers.Adam(use_ema=True)
    ),
    "stopping": mlp(callbacks=CALLBACKS["stopping"]),
    "plateau": mlp(callbacks=CALLBACKS["plateau"], optimizer__use_ema=True),
    "scheduler": mlp(
        callbacks=CALLBACKS["scheduler"], optimizer="sgd", precision="mixed_float16"
    ),
    "several": mlp(
        callbacks=CALLBACKS["several"],
        early_stopping=True,
        n_iter_no_change=3,
        lr_schedule="exponential",
    ),
    "defaults, the start is best": MLPClassifier(
        4, epochs=9, learning_rate=3.0, lr_schedule="cosine", random_state=0
    ),
    "several, own network": generic(
        epochs=9, callbacks=CALLBACKS["several"], validation_split=0.2
    ),
}


def noted(estimator):
    """Return all that the callbacks of a fit hold, in a form that compares."""
    if not getattr(estimator, "callbacks", None):
        return None
    kept = [
        {k: v for k, v in vars(callback).items() if k not in ("_model", "schedule")}
        for callback in estimator.callbacks_
    ]
    for attributes in kept:
        if attributes.get("best_weights") is not None:
            weights = [array.tobytes() for array in attributes["best_weights"]]
            attributes["best_weights"] = weights
    return [{k: str(v) for k, v in attributes.items()} for attributes in kept]


def result(estimator):
    return numbers(estimator), noted(estimator)


@pytest.fixture
def at_each_epoch(monkeypatch):
    monkeypatch.setattr(memory, "CHECKPOINT_SECONDS", 0.0)


@pytest.mark.parametrize(
    "name",
    by_day(
        STEERED,
        "cosine, early stopping",
        "averages, own network",
        "plateau",
        "several",
        "defaults, the start is best",
    ),
)
def test_what_depends_on_its_end_goes_on_bit_for_bit(
    name, tmp_path, trained, at_each_epoch
):
    estimator = STEERED[name]
    fresh = clone(estimator).fit(X, Y)
    estimator = clone(estimator).set_params(memory=tmp_path)
    with pytest.raises(RuntimeError, match="pulled the plug"):
        clone(estimator).set_callbacks(Interrupt(4, fail)).fit(X, Y)
    assert memory_info(tmp_path).n_epochs == 3
    del trained[:]
    found = clone(estimator).fit(X, Y)
    assert len(trained) == fresh.n_iter_ - 3 > 0
    assert memory_info(tmp_path).n_states == 1  # the end, alone
    again = clone(estimator).fit(X, Y)
    assert len(trained) == fresh.n_iter_ - 3
    assert result(fresh) == result(found) == result(again)


def test_the_fits_of_these_tests_do_stop_and_slow_down():
    stopped = clone(STEERED["stopping"]).fit(X, Y)
    assert (stopped.n_iter_, stopped.callbacks_[0].best_epoch) == (5, 2)
    slowed = clone(STEERED["plateau"]).fit(X, Y)
    rates = slowed.history_["learning_rate"]
    assert rates[1] > rates[4]
    kept = clone(STEERED["defaults, the start is best"]).fit(X, Y)
    start = MLPClassifier(4, epochs=1, learning_rate=1e-12, random_state=0).fit(X, Y)
    assert min(kept.history_["val_loss"]) > start.history_["val_loss"][0]
    assert kept.n_iter_ == 9


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["averages", "several", "cosine"])
def test_a_fit_that_is_stopped_from_outside_is_no_end(
    name, tmp_path, trained, at_each_epoch
):
    estimator = clone(STEERED[name]).set_params(memory=tmp_path)
    with pytest.raises(RuntimeError, match="pulled the plug"):
        clone(estimator).set_callbacks(Interrupt(4, fail)).fit(X, Y)

    def stopped(memory):
        stop = Interrupt(3, lambda: True)  # where the checkpoint is
        return clone(estimator).set_params(memory=memory).set_callbacks(stop)

    assert result(stopped(tmp_path).fit(X, Y)) == result(stopped(None).fit(X, Y))
    fresh = clone(STEERED[name]).fit(X, Y)
    assert result(clone(estimator).fit(X, Y)) == result(fresh)
    assert result(stopped(tmp_path).fit(X, Y)) == result(stopped(None).fit(X, Y))
    assert result(clone(estimator).fit(X, Y)) == result(fresh)


class Counting:
    """A schedule that counts its calls."""

    def __init__(self):
        self.n_calls = 0

    def __call__(self, epoch, rate):
        self.n_calls += 1
        return float(rate / self.n_calls)


@pytest.mark.parametrize("by", ["lr_schedule", "callbacks"])
def test_a_schedule_that_counts_is_not_gone_on_from(by, tmp_path):
    def fit(epochs, **params):
        own = Counting() if by == "lr_schedule" else [Scheduler(Counting())]
        model = mlp(**{by: own}, **params).set_params(epochs=epochs)
        return model.fit(X, Y).history_

    with pytest.warns(UserWarning, match="its schedule has changed itself"):
        fit(2, memory=tmp_path)
    assert memory_info(tmp_path).n_states == 0
    assert fit(4, memory=tmp_path) == fit(4)


def test_a_loss_that_is_told_of_weights_is_another(tmp_path):
    class Told(keras.losses.Loss):
        def __call__(self, y, outputs, sample_weight=None):
            error = keras.ops.mean(keras.ops.square(keras.ops.cast(y, outputs.dtype)))
            error += keras.ops.mean(keras.ops.square(outputs))
            return error if sample_weight is None else 2 * error

        def call(self, y, outputs):
            raise NotImplementedError

    def fit(**params):
        return generic(loss=Told(), memory=tmp_path).fit(X, Y, **params).history_

    without = fit()
    weighted = fit(sample_weight=np.ones(len(X)))
    assert weighted["loss"][0] == pytest.approx(2 * without["loss"][0])
    assert memory_info(tmp_path).n_fits == 2


def test_what_acts_between_batches_is_not_stored_and_that_is_said(tmp_path):
    callbacks = [keras.callbacks.TerminateOnNaN()]
    estimator = mlp(callbacks=callbacks, memory=tmp_path)
    with pytest.warns(UserWarning, match="TerminateOnNaN may do more .* whole epochs"):
        estimator.fit(X, Y)
    assert memory_info(tmp_path).n_fits == 0


# ---- equal, but of another type ------------------------------------------------------

EQUAL = {
    "dropout": (0.0, 0),
    "l1": (0.0, 0),
    "l2": (0.25, np.float32(0.25)),
    "clipnorm": (1.0, 1),
    "learning_rate": (1.0, 1),
    "batch_size": (32, np.int64(32)),
    "units": (8, (np.int64(8),)),
    "batch_norm": (True, np.True_),
    "linear_start": (True, np.True_),
    "standardize": (True, np.True_),
    "activation": ("tanh", np.str_("tanh")),
    "lr_schedule": ("cosine", np.str_("cosine")),
    "epochs": (2, np.int32(2)),
    "random_state": (3, np.int64(3)),
    "optimizer__momentum": (0.0, 0),
    "optimizer__weight_decay": (1.0, np.float64(1)),
    "optimizer__nesterov": (True, np.True_),
    "optimizer__clipvalue": (2, np.int8(2)),
}


@pytest.mark.nightly
def test_equal_numbers_of_another_type_are_the_same_fit(tmp_path, trained):
    for name, (first, second) in EQUAL.items():
        params = {**QUICK, "epochs": 1, "optimizer": "sgd", "memory": tmp_path}
        one = MLPClassifier(**params).set_params(**{name: first}).fit(X, Y)
        del trained[:]
        other = MLPClassifier(**params).set_params(**{name: second}).fit(X, Y)
        assert len(trained) == 0, name
        fresh = clone(other).set_params(memory=None).fit(X, Y)
        assert numbers(one) == numbers(other) == numbers(fresh), name


def test_equal_numbers_for_an_own_network_are_the_same_fit(tmp_path, trained):
    generic(memory=tmp_path, batch_size=16, epochs=2).fit(X, Y)
    more = {"batch_size": np.int64(16), "epochs": np.int64(2)}
    generic(memory=tmp_path, **more).fit(X, Y)
    assert len(trained) == 2

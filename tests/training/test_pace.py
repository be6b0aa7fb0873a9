"""Epochs in short calls: what fits a quarter of a second, and not another bit."""

import numpy as np
import pytest

from skrec import KerasClassifier, MLPClassifier
from skrec.training import _pace
from skrec.training._pace import CALL_SECONDS, Pace
from tests.estimators.generic_models import build
from tests.night import by_day

X = np.random.default_rng(0).normal(size=(90, 6)).astype("f4")
Y = (X[:, 0] > 0).astype(int)


class Clock:
    """A clock that only the test moves on."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(_pace, "perf_counter", clock)
    return clock


def sizes_of(pace, clock, n_steps, seconds):
    """Walk over steps that take so many seconds each; return the steps of each call."""
    sizes = []
    for steps in pace.calls("epoch", n_steps):
        assert steps.start == sum(sizes)
        sizes.append(steps.stop - steps.start)
        clock.now += sizes[-1] * seconds
    assert sum(sizes) == n_steps
    return sizes


def test_slow_steps_are_run_a_quarter_of_a_second_at_a_time(clock):
    pace = Pace()
    sizes = sizes_of(pace, clock, 1000, 0.01)
    assert max(sizes) * 0.01 <= CALL_SECONDS
    assert len(sizes) < 1000 / 20
    assert sizes_of(pace, clock, 5, 0.4) == [5]  # nothing said that they are slow now
    assert sizes_of(pace, clock, 5, 0.4) == [1, 1, 1, 1, 1]


def test_a_short_epoch_is_one_call_from_the_second_on(clock):
    pace = Pace()
    assert sizes_of(pace, clock, 42, 0.0003) == [1, 8, 33]
    for _ in range(3):
        assert sizes_of(pace, clock, 42, 0.0003) == [42]
    assert next(pace.calls("another graph", 42)) == slice(0, 1)


MODELS = {
    "named": lambda: MLPClassifier(
        (8, 4),
        dropout=0.3,
        batch_norm=True,
        lr_schedule="cosine",
        batch_size=7,
        epochs=3,
        early_stopping=True,
        random_state=0,
    ),
    "generic": lambda: KerasClassifier(
        build,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        metrics=["accuracy"],
        rate=0.3,
        batch_size=7,
        validation_split=0.2,
        epochs=3,
        random_state=0,
        verbose=0,
    ),
}


@pytest.mark.parametrize("kind", by_day(MODELS, "generic"))
def test_the_calls_of_an_epoch_change_no_bit(kind, monkeypatch):
    def fit(calls):
        n_calls = []

        def counted(pace, kind, n_steps):
            for steps in calls(n_steps):
                n_calls.append(steps)
                yield steps

        monkeypatch.setattr(Pace, "calls", counted)
        estimator = MODELS[kind]().fit(X, Y)
        weights = [w.tobytes() for w in estimator.model_.get_weights()]
        return weights, estimator.history_, len(n_calls)

    *whole, n_whole = fit(lambda n_steps: [slice(0, n_steps)])
    *single, n_single = fit(lambda n: [slice(step, step + 1) for step in range(n)])
    *mixed, _ = fit(lambda n_steps: [slice(0, 3), slice(3, 4), slice(4, n_steps)])
    assert whole == single == mixed
    # Three epochs and their validation; of a named model, that of the start too.
    assert n_whole == {"named": 7, "generic": 6}[kind]
    assert n_single > 30

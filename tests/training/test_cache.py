"""The program cache: one trace an architecture, exclusive leases, a bound."""

import random
import subprocess
import sys
import textwrap
import threading
from functools import partial

import keras
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from skrec import CNNClassifier, MLPClassifier, RNNClassifier
from skrec.training import cache_clear, cache_info, cache_limit
from skrec.training.cache import ProgramCache
from tests.night import by_day

X, Y = load_iris(return_X_y=True)
FAMILIES = {
    "mlp": lambda **kwargs: MLPClassifier(units=6, **kwargs),
    "cnn": lambda **kwargs: CNNClassifier(filters=3, units=4, **kwargs),
    "rnn": lambda **kwargs: RNNClassifier(units=4, **kwargs),
}


class StubProgram:
    """Stands in for a program: the cache asks for its traces and its size."""

    n_traces = 0
    released = False

    def __init__(self, n_bytes=100):
        self.n_bytes = n_bytes

    def release(self):
        self.released = True


# ---- the store -----------------------------------------------------------------------


def test_a_program_is_built_once_and_used_again():
    cache = ProgramCache()
    with cache.lease("a", StubProgram) as first:
        first.n_traces = 2
    with cache.lease("a", StubProgram) as second:
        assert second is first
    with cache.lease("b", StubProgram) as other:
        assert other is not first
    assert cache.info() == (1, 2, 32, 2, 2, 200, 2**28)
    cache.clear()
    assert cache.info() == (0, 0, 32, 0, 0, 0, 2**28)


def test_two_leases_of_one_key_are_two_programs():
    cache = ProgramCache()
    with (
        cache.lease("a", StubProgram) as first,
        cache.lease("a", StubProgram) as second,
    ):
        assert first is not second
        assert cache.info().currsize == 0
    assert cache.info().currsize == 2


def test_the_least_recently_used_program_goes_first():
    cache = ProgramCache(maxsize=2)
    programs = {}
    for key in ("a", "b", "a", "c"):
        with cache.lease(key, StubProgram) as programs[key]:
            pass
    assert cache.info().currsize == 2
    with cache.lease("a", StubProgram) as kept:
        assert kept is programs["a"]
    with cache.lease("b", StubProgram) as rebuilt:
        assert rebuilt is not programs["b"]


def test_the_bound_holds_for_many_programs_of_one_key():
    cache = ProgramCache(maxsize=2)
    with (
        cache.lease("a", StubProgram),
        cache.lease("a", StubProgram),
        cache.lease("a", StubProgram),
    ):
        pass
    assert cache.info().currsize == 2


def test_programs_are_kept_as_far_as_their_bytes_fit():
    cache, programs = ProgramCache(max_bytes=1000), {}
    for key, n_bytes in {"a": 300, "b": 300, "c": 300, "d": 300, "big": 1001}.items():
        with cache.lease(key, partial(StubProgram, n_bytes)) as programs[key]:
            pass
    assert [key for key, program in programs.items() if program.released] == [
        "a",
        "big",
    ]
    assert cache.info().n_bytes == 900
    cache.limit(600)
    assert programs["b"].released
    assert not programs["c"].released
    cache.limit(0)
    assert cache.info()[3:] == (0, 0, 0, 0)


@pytest.mark.parametrize("max_bytes", [-1, 0.5, "256 MB", None])
def test_a_limit_is_a_number_of_bytes(max_bytes):
    with pytest.raises(ValueError, match=r"max_bytes must be .*Received: "):
        cache_limit(max_bytes)


def test_a_program_comes_back_from_a_block_that_fails():
    cache = ProgramCache()
    with pytest.raises(KeyError), cache.lease("a", StubProgram):
        raise KeyError
    assert cache.info().currsize == 1


def test_a_build_that_fails_leaves_nothing_behind():
    cache = ProgramCache()

    def fail():
        raise KeyError

    with pytest.raises(KeyError), cache.lease("a", fail):
        pass
    assert cache.info().currsize == 0


def test_building_leaves_the_global_generator_of_python_alone():
    def build():
        random.random()  # as Keras does for each layer that has no seed
        return StubProgram()

    before = random.getstate()
    with ProgramCache().lease("a", build):
        assert random.getstate() == before


def test_threads_never_share_a_program():
    cache = ProgramCache(maxsize=3)
    in_use, shared = set(), []

    def work():
        for _ in range(300):
            with cache.lease("a", StubProgram) as program:
                if id(program) in in_use:
                    shared.append(program)
                in_use.add(id(program))
                in_use.discard(id(program))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not shared
    assert cache.info().hits + cache.info().misses == 1200
    assert cache.info().currsize <= 3


# ---- traces --------------------------------------------------------------------------


WHOLE_GRID = {
    "units": [5, "5-3"],
    "learning_rate": [0.001, 0.01],
    "batch_size": [16, 50, None],
    "dropout": [0.0, 0.3],
    "optimizer__momentum": [0.5, 0.9],
}
PARTS_OF_IT = [
    {"units": [5, "5-3"], "learning_rate": [0.001, 0.01], "dropout": [0.0, 0.3]},
    {"units": [5, "5-3"], "batch_size": [16, 50, None]},
    {"units": [5, "5-3"], "optimizer__momentum": [0.5, 0.9]},
]


@pytest.mark.parametrize(
    ("grid", "n_candidates"),
    [(PARTS_OF_IT, 18), pytest.param(WHOLE_GRID, 48, marks=pytest.mark.nightly)],
)
def test_a_search_traces_each_architecture_once(grid, n_candidates, no_retracing):
    cache_clear()
    estimator = MLPClassifier(optimizer="momentum", epochs=1, random_state=0)
    search = GridSearchCV(estimator, grid, cv=3).fit(X, Y)
    assert len(search.cv_results_["params"]) == n_candidates
    assert cache_info().traces == 2
    assert cache_info().misses == 2


def test_penalties_and_clipping_share_one_more_trace(no_retracing):
    def fit(number, **params):
        own = {"units": 5, "epochs": 1, "l2": 0.0, **params}
        MLPClassifier(**own, random_state=number).fit(X, Y)

    cache_clear()
    fit(0)
    fit(1, lr_schedule="cosine")
    assert cache_info().traces == 1
    for number, params in enumerate([{"l1": 0.1}, {"l2": 0.1}, {"clipnorm": 1.0}]):
        fit(number, **params)
    assert cache_info().traces == 2
    fit(2)
    assert cache_info().traces == 2


def test_predicting_and_scoring_trace_no_training_graph():
    estimator = MLPClassifier(units=5, epochs=1).fit(X, Y)
    cache_clear()
    estimator.predict(X)
    estimator.score(X, Y)
    assert cache_info().traces == 0


# ---- results do not depend on the cache ----------------------------------------------


@pytest.mark.parametrize("family", by_day(FAMILIES, "cnn"))
def test_a_warm_cache_gives_the_bits_of_a_cold_one(family):
    def fit(**params):
        estimator = FAMILIES[family](
            epochs=3, dropout=0.3, random_state=7, learning_rate=0.01, **params
        )
        return estimator.fit(X, Y).predict_proba(X)

    cache_clear()
    cold = fit()
    warm = fit()
    fit(l2=0.1, clipnorm=0.1, optimizer_params={"beta_1": 0.5})  # uses the same program
    after_another = fit()
    cache_clear()
    cold_again = fit()
    for other in (warm, after_another, cold_again):
        np.testing.assert_array_equal(other, cold)


def test_estimators_that_share_a_program_predict_with_weights_of_their_own():
    def fit(seed):
        clf = MLPClassifier(units=6, epochs=3, learning_rate=0.01, random_state=seed)
        return clf.fit(X, Y)

    cache_clear()
    first, other = fit(0), fit(1)
    expected = first.predict_proba(X), other.predict_proba(X)
    assert np.abs(expected[0] - expected[1]).max() > 0.01
    for row in range(5):
        for clf, proba in zip((first, other, other, first), (0, 1, 1, 0), strict=True):
            one = clf.predict_proba(X[row : row + 1])
            np.testing.assert_array_equal(one, expected[proba][row : row + 1])
    first.model_.layers[-1].trainable = False
    weights = [np.zeros_like(weight) for weight in first.model_.get_weights()]
    first.model_.set_weights(weights)
    assert np.ptp(first.predict_proba(X)) < 1e-6
    assert cache_info().misses == 1


def test_a_failed_fit_leaves_the_program_usable():
    def fit():
        return MLPClassifier(6, epochs=2, random_state=0).fit(X, Y).predict_proba(X)

    expected = fit()
    with pytest.raises(FloatingPointError):
        MLPClassifier(6, lr_schedule=lambda epoch, rate: np.nan, epochs=2).fit(X, Y)
    np.testing.assert_array_equal(fit(), expected)


@pytest.mark.nightly
def test_estimators_fitted_in_threads_are_those_fitted_alone():
    def make(number):
        family = list(FAMILIES)[number % 3]
        return FAMILIES[family](epochs=3, dropout=0.2, random_state=number)

    alone = [make(number).fit(X, Y).predict_proba(X) for number in range(6)]
    cache_clear()
    together = [None] * 6

    def work(number):
        together[number] = make(number).fit(X, Y).predict_proba(X)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ours, theirs in zip(together, alone, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_estimator_predicts_while_another_one_trains():
    estimator = MLPClassifier(6, epochs=2, random_state=0).fit(X, Y)
    expected = estimator.predict_proba(X)
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(estimator.predict_proba(X))
    )
    MLPClassifier(6, epochs=3, random_state=1, callbacks=watch).fit(X, Y)
    assert len(seen) == 3
    for predicted in seen:
        np.testing.assert_array_equal(predicted, expected)


# ---- memory --------------------------------------------------------------------------

GROWTH = """
    import resource, sys
    from sklearn.datasets import load_iris
    from skrec import CNNClassifier
    X, y = load_iris(return_X_y=True)

    def peak():
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20

    def fit(number):
        clf = CNNClassifier(
            filters=8, units=16, epochs=3, batch_size=16 + number, dropout=number / 100,
            learning_rate=0.001 * (number + 1), random_state=number,
        )
        clf.fit(X, y).predict(X)

    for number in range(3):
        fit(number)
    before = peak()
    for number in range(30):
        fit(number)
    print(peak() - before)
"""


# By day, test_memory.py asks for more.
@pytest.mark.nightly
def test_thirty_fits_grow_by_less_than_fifty_megabytes():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(GROWTH)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 50
    assert "retracing" not in done.stderr

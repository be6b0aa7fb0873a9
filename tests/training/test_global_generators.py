"""While a model is built, other threads draw what they would draw without it."""

import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import random as python_draw

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.random import normal as numpy_draw
from numpy.random import random_sample
from sklearn.utils import check_random_state

from skrec import KerasRegressor, MLPRegressor
from skrec.training import cache_clear
from skrec.training._global_generators import global_generators
from tests.night import by_day

X = np.random.default_rng(0).normal(size=(30, 3)).astype("f4")
Y = X[:, 0]


def draw():
    """Draw from each global generator in each way."""
    return [
        random.random(),
        random.randint(0, 2**60),
        python_draw(),
        np.random.random(),  # noqa: NPY002
        np.random.normal(),  # noqa: NPY002
        numpy_draw(),  # noqa: NPY002
        random_sample(),  # noqa: NPY002
        np.random.sample(),  # noqa: NPY002
        np.random.mtrand._rand.uniform(),
        check_random_state(None).uniform(),
        float(tf.random.uniform([])),
    ]


@contextmanager
def another_thread(work):
    """Run `work` again and again in a thread beside the block; give what it returns."""
    results, over, begun = [], threading.Event(), threading.Event()

    def go():
        while not over.is_set() or not results:
            results.append(work())
            begun.set()
            over.wait(1e-3)

    thread = threading.Thread(target=go)
    thread.start()
    begun.wait()
    try:
        yield results
    finally:
        over.set()
        thread.join()


def net():
    """Build from draws of this module's, each by another name."""
    start = [python_draw(), random.gauss(0, 1), numpy_draw(), np.random.rand()]  # noqa: NPY002
    start += [check_random_state(None).uniform(), random_sample()]  # noqa: NPY002
    start += [float(tf.random.normal([])), float(keras.random.normal([]))]
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)]
    )
    model.layers[0].bias.assign(start[:4])
    model.layers[1].bias.assign([sum(start[4:])])
    return model


def generic():
    return KerasRegressor(net, loss="mse", optimizer="sgd", random_state=3, verbose=0)


def named():
    cache_clear()
    return MLPRegressor(3, epochs=1, dropout=0.2, random_state=3)


@pytest.mark.parametrize("make", by_day([generic, named], "generic"))
def test_another_thread_draws_what_it_would_without_fits(make):
    def use():
        for _ in range(2):
            estimator = make().fit(X, Y)
            estimator.predict(X)
            estimator.model_  # noqa: B018

    use()
    keras.utils.set_random_seed(5)
    with another_thread(draw) as found:
        use()
    assert len(found) > 20
    keras.utils.set_random_seed(5)
    assert found == [draw() for _ in found]


def test_other_threads_see_the_generators_themselves():
    def states():
        return random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002

    before = states()
    with another_thread(states) as found:
        for seed in range(50):
            with global_generators(seed, net):
                draw()
                random.seed(1)
                np.random.seed(1)  # noqa: NPY002
                tf.random.set_seed(1)
    assert all(state == before for state in found)
    assert states() == before
    assert type(np.random.mtrand._rand) is np.random.RandomState
    assert random.random.__self__ is random._inst


def test_a_block_draws_the_same_beside_other_threads_and_alone():
    def drawn():
        with global_generators(7, net):
            first = draw()
            with global_generators(8, net):
                inner = draw()
            np.random.seed(3)  # noqa: NPY002
            state = np.random.get_state()  # noqa: NPY002
            second = draw()
            np.random.set_state(state)  # noqa: NPY002
            return first, inner, second[3:10], draw()[3:10]

    alone = drawn()
    assert alone[0] != alone[1]
    assert alone[2] == alone[3]
    with another_thread(threading.active_count):
        assert drawn() == alone
        assert drawn() == alone
    assert drawn() == alone


def test_two_threads_build_as_one_does():
    def biases():
        return [w.tobytes() for w in generic().fit(X, Y).model_.get_weights()]

    expected = biases()
    with another_thread(biases) as found:
        assert biases() == expected
    assert all(weights == expected for weights in found)


def test_a_build_may_wait_for_models_of_other_threads():
    def build():
        with ThreadPoolExecutor(1) as pool:
            fitted = MLPRegressor(units=2, epochs=1, random_state=0).fit(X, Y)
            pool.submit(lambda: fitted.model_).result(timeout=60)
            again = MLPRegressor(units=3, epochs=1, random_state=0)
            pool.submit(again.fit, X, Y).result(timeout=60)
            return net()

    model = KerasRegressor(build, loss="mse", verbose=0, random_state=0).fit(X, Y)
    assert model.n_iter_ == 1


def test_a_model_is_read_from_a_pickle_without_a_draw():
    dumped = pickle.dumps(generic().fit(X, Y))
    keras.utils.set_random_seed(5)
    expected = draw()
    keras.utils.set_random_seed(5)
    pickle.loads(dumped)
    assert draw() == expected

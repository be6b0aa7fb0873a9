"""Learning rates as numbers, and optimizers by name."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrec.training import learning_rates, make_optimizer
from skrec.training._updates import graph_key

RATES = st.floats(1e-6, 10)
EPOCHS = st.integers(1, 100)


# ---- schedules -----------------------------------------------------------------------


@given(RATES, st.integers(0, 200), st.integers(1, 20), EPOCHS)
def test_no_schedule_keeps_the_rate(rate, epoch, n_steps, epochs):
    rates = learning_rates(None, rate, epoch, n_steps, epochs)
    np.testing.assert_array_equal(rates, np.full(n_steps, rate))


@given(RATES, st.integers(0, 60), st.integers(1, 20), EPOCHS)
def test_step_halves_the_rate_every_ten_epochs(rate, epoch, n_steps, epochs):
    rates = learning_rates("step", rate, epoch, n_steps, epochs)
    np.testing.assert_allclose(rates, np.full(n_steps, rate / 2 ** (epoch // 10)))


@given(RATES, st.integers(0, 60), st.integers(1, 20), EPOCHS)
def test_exponential_loses_a_tenth_in_the_exponent_an_epoch(
    rate, epoch, n_steps, epochs
):
    rates = learning_rates("exponential", rate, epoch, n_steps, epochs)
    assert rates[0] == pytest.approx(rate * np.exp(-0.1 * epoch))
    following = learning_rates("exponential", rate, epoch + 1, n_steps, epochs)
    joined = np.append(rates, following[0])
    np.testing.assert_allclose(joined[1:] / joined[:-1], np.exp(-0.1 / n_steps))


@given(RATES, EPOCHS, st.integers(1, 20))
def test_cosine_goes_from_the_rate_to_zero(rate, epochs, n_steps):
    whole = np.concatenate(
        [learning_rates("cosine", rate, e, n_steps, epochs) for e in range(epochs)]
    )
    after = learning_rates("cosine", rate, epochs, 1, epochs)[0]
    assert whole[0] == pytest.approx(rate)
    assert (np.diff(np.append(whole, 0.0)) < 0).all()
    assert after == pytest.approx(rate)  # a warm restart, for warm_start and streams
    if epochs % 2 == 0:
        assert whole[len(whole) // 2] == pytest.approx(rate / 2)


def test_a_keras_schedule_counts_steps_from_the_start_of_training():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [4, 8], [1.0, 0.5, 0.1]
    )
    whole = [learning_rates(schedule, 99.0, epoch, 5, 2) for epoch in range(2)]
    np.testing.assert_allclose(whole, [[1, 1, 1, 1, 1], [0.5, 0.5, 0.5, 0.5, 0.1]])


def test_a_callable_gets_the_epoch_and_the_rate():
    rates = learning_rates(lambda epoch, rate: rate / (1 + epoch), 0.6, 2, 3, 10)
    np.testing.assert_allclose(rates, [0.2, 0.2, 0.2])


def test_an_unknown_schedule_names_the_legal_ones():
    with pytest.raises(ValueError, match=r"'step', 'exponential', 'cosine'.*'linear'"):
        learning_rates("linear", 0.1, 0, 1, 1)


# ---- optimizers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "config"),
    [
        ("sgd", keras.optimizers.SGD, {"momentum": 0.0, "nesterov": False}),
        ("momentum", keras.optimizers.SGD, {"momentum": 0.9, "nesterov": False}),
        ("nesterov", keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
        ("rmsprop", keras.optimizers.RMSprop, {"rho": 0.9}),
        ("adam", keras.optimizers.Adam, {"beta_1": 0.9}),
        ("adamw", keras.optimizers.AdamW, {"weight_decay": 0.004}),
        ("adagrad", keras.optimizers.Adagrad, {"initial_accumulator_value": 0.1}),
    ],
)
def test_named_optimizers(name, kind, config):
    optimizer = make_optimizer(name, 0.02, clipnorm=1.5)
    assert type(optimizer) is kind
    assert float(optimizer.learning_rate) == pytest.approx(0.02)
    assert optimizer.clipnorm == 1.5
    found = optimizer.get_config()
    assert {key: found[key] for key in config} == config


def test_parameters_reach_the_optimizer_and_the_dict_stays_as_it_is():
    params = {"momentum": 0, "weight_decay": 0.01}
    optimizer = make_optimizer("momentum", 0.1, params)
    assert optimizer.momentum == 0
    assert optimizer.weight_decay == 0.01
    assert params == {"momentum": 0, "weight_decay": 0.01}


def test_a_class_takes_the_rate_and_the_parameters():
    optimizer = make_optimizer(keras.optimizers.Lion, 0.3, {"beta_1": 0.5})
    assert type(optimizer) is keras.optimizers.Lion
    assert float(optimizer.learning_rate) == pytest.approx(0.3)
    assert optimizer.beta_1 == 0.5


def test_an_object_is_copied_with_its_own_rate():
    given_one = keras.optimizers.Adam(0.7, beta_1=0.5)
    optimizer = make_optimizer(given_one, 0.1, clipnorm=2.0)
    assert optimizer is not given_one
    assert float(optimizer.learning_rate) == pytest.approx(0.7)
    assert optimizer.beta_1 == 0.5
    assert optimizer.clipnorm == 2.0
    assert given_one.clipnorm is None


@pytest.mark.parametrize(
    ("optimizer", "params", "message"),
    [
        ("adm", {}, r"optimizer must be one of \['adagrad'.*mean 'adam'\?.*'adm'"),
        (
            "adam",
            {"beta1": 0.5},
            r"optimizer__beta1 is not .* of Adam\..*mean 'beta_1'",
        ),
        ("sgd", {"learning_rate": 1.0}, "It is a parameter of the estimator itself"),
        ("sgd", {"clipnorm": 1.0}, "It is a parameter of the estimator itself"),
        ("nesterov", {"nesterov": False}, "optimizer__nesterov cannot be set"),
        (
            "sgd",
            {"momentum": 1.5},
            r"optimizer__momentum must be .*\[0, 1\].*Received: 1.5",
        ),
        ("adam", {"beta_2": -1}, r"optimizer__beta_2 must be .*\[0, 1\].*Received: -1"),
        ("sgd", {"momentum": "high"}, r"optimizer__momentum .*\[0, 1\].*'high'"),
        (
            keras.optimizers.Adam(),
            {"beta_1": 0.5},
            "optimizer__beta_1 .* pass the class",
        ),
        (int, {}, r"optimizer must be .*<class 'int'>"),
    ],
)
def test_bad_optimizers_are_named_before_anything_is_built(optimizer, params, message):
    with pytest.raises(ValueError, match=message):
        make_optimizer(optimizer, 0.1, params)


def test_continuous_parameters_of_named_optimizers_are_not_part_of_the_graph():
    for name, parameter in [
        ("momentum", "momentum"),
        ("nesterov", "momentum"),
        ("rmsprop", "rho"),
        ("adam", "beta_1"),
        ("adam", "epsilon"),
        ("adamw", "weight_decay"),
        ("adagrad", "epsilon"),
    ]:
        keys = {
            graph_key(make_optimizer(name, rate, {parameter: value}, clipnorm))
            for rate in (0.1, 0.01)
            for value in (0.5, 0.75)
            for clipnorm in (None, 1.0)
        }
        assert len(keys) == 1, (name, parameter)
    kinds = ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "adagrad"]
    assert len({graph_key(make_optimizer(kind, 0.1)) for kind in kinds}) == len(kinds)
    amsgrad = make_optimizer("adam", 0.1, {"amsgrad": True})
    assert graph_key(amsgrad) != graph_key(make_optimizer("adam", 0.1))

"""Recurrent layers on packed sequences, against one sequence at a time."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skrec.networks import build_gru4rec
from tests.networks.step_rows import N_ITEMS, histories

LENGTH = 20


def states_of(model, codes):
    inputs = {"history": codes, "target": codes, "weight": np.ones(codes.shape)}
    return model({k: tf.constant(v) for k, v in inputs.items()}).numpy()[:, 1:]


def last_state(model, codes):
    there = codes[codes >= 0]
    if not len(there):
        return np.zeros(6)
    x = model.get_layer("items").get_weights()[0][there][None] * 6**0.5
    for layer in model.layers:
        if isinstance(layer, keras.layers.RNN):
            x = layer(x)
    return model.get_layer("state")(x)[0, -1].numpy()


@pytest.mark.parametrize(("cell", "units"), [("gru", (5,)), ("lstm", (5, 4))])
def test_states_are_those_of_each_sequence_alone(cell, units):
    model = build_gru4rec(
        n_rows=N_ITEMS,
        length=LENGTH,
        embedding_dim=6,
        units=units,
        cell=cell,
        dtype="float64",
    )
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape) / 2)
    codes = histories(LENGTH)
    expected = [last_state(model, row) for row in codes]
    np.testing.assert_allclose(states_of(model, codes), expected, atol=1e-12)
    short = codes[(codes >= 0).sum(axis=1) < 3]  # of all groups but one nothing
    expected = [last_state(model, row) for row in short]
    np.testing.assert_allclose(states_of(model, short), expected, atol=1e-12)
    assert states_of(model, codes[:0]).shape == (0, 6)

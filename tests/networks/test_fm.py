"""Factorisation machines: every pair by hand, and what is never put into memory."""

from itertools import combinations

import keras
import numpy as np
import pytest

from skrec.networks import build_deepfm, build_fm
from skrec.preprocessing._spec import FieldSpec
from tests.networks.field_rows import (
    ALL,
    bias_beside,
    kernel,
    linear_part,
    looked_up,
    make_rows,
    relu,
    with_random_weights,
)

DIM = 5


def vectors_by_hand(model, rows):
    """Return one vector a field: ids, sequences, numbers, arrays."""
    ids, means = looked_up(model, "embedding", (DIM, DIM), ALL, rows)
    factors = kernel(model, (2, DIM))
    numbers = [rows["numbers"][:, [k]] * factors[k] for k in range(2)]
    arrays = [
        flat @ kernel(model, (width, DIM)) + bias_beside(model, (width, DIM))
        for flat, width in ((rows["array_0"], 3), (rows["array_1"].reshape(-1, 4), 4))
    ]
    return [*ids, *means, *numbers, *arrays]


def pairs_by_hand(model, vectors, n_outputs):
    """Add up the products of all pairs, one pair after the other."""
    pooled = sum(a * b for a, b in combinations(vectors, 2))
    if n_outputs == 1:
        return pooled.sum(axis=1, keepdims=True)
    return pooled @ kernel(model, (DIM, n_outputs))


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_fm_is_bias_linear_part_and_every_pair_of_fields(n_outputs):
    model = build_fm(
        fields=ALL, n_outputs=n_outputs, embedding_dim=DIM, dtype="float64"
    )
    with_random_weights(model)
    rows = make_rows(ALL)
    (bias,) = [
        layer.get_weights()[0]
        for layer in model.layers
        if type(layer).__name__ == "Bias"
    ]
    expected = (
        bias
        + linear_part(model, n_outputs, ALL, rows)
        + pairs_by_hand(model, vectors_by_hand(model, rows), n_outputs)
    )
    np.testing.assert_allclose(model(rows), expected, rtol=1e-10)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_deepfm_adds_a_tower_over_the_same_vectors(n_outputs):
    model = build_deepfm(
        fields=ALL, n_outputs=n_outputs, units=(6,), embedding_dim=DIM, dtype="float64"
    )
    with_random_weights(model)
    rows = make_rows(ALL)
    vectors = vectors_by_hand(model, rows)
    hidden = np.concatenate(vectors, axis=1) @ kernel(model, (8 * DIM, 6))
    hidden = relu(hidden + bias_beside(model, (8 * DIM, 6)))
    tower = hidden @ kernel(model, (6, n_outputs)) + bias_beside(model, (6, n_outputs))
    expected = (
        linear_part(model, n_outputs, ALL, rows)
        + pairs_by_hand(model, vectors, n_outputs)
        + tower
    )
    np.testing.assert_allclose(model(rows), expected, rtol=1e-10)


def test_a_field_does_not_interact_with_itself():
    model = build_fm(fields=FieldSpec(n_numbers=1), n_outputs=1, dtype="float64")
    with_random_weights(model)
    outputs = model(np.array([[0.0], [1.0], [2.0]])).numpy().ravel()
    assert outputs[2] - outputs[1] == pytest.approx(outputs[1] - outputs[0])


def as_list(output):
    return list(output) if isinstance(output, (list, tuple)) else [output]


def test_fm_never_holds_a_vector_for_each_number_of_each_row():
    fields = FieldSpec(tables=(8,), ids=(0,), n_numbers=20_000)
    model = build_fm(fields=fields, n_outputs=1)
    outputs = [tensor for each in model.operations for tensor in as_list(each.output)]
    assert [x.shape for x in outputs if len(x.shape) > 2 and 20_000 in x.shape] == []
    rows = make_rows(fields, n_rows=3)
    assert model(rows).shape == (3, 1)


def linear_part_of_ids(model, fields, rows):
    ids, _ = looked_up(model, "weight", (1,), fields, rows)
    (bias,) = [w.numpy() for w in model.weights if w.name == "bias"]
    return sum(ids) + bias


def test_dropout_of_fm_is_on_the_pooled_pairs():
    keras.utils.set_random_seed(0)  # else one of the pairs is kept once in 25 times
    fields = FieldSpec(tables=(8,), ids=(0, 0))
    model = with_random_weights(build_fm(fields=fields, n_outputs=1, dropout=0.999))
    rows = make_rows(fields, n_rows=4)
    without_pairs = linear_part_of_ids(model, fields, rows)
    np.testing.assert_allclose(model(rows, training=True), without_pairs, rtol=1e-5)
    assert np.abs(model(rows) - without_pairs).max() > 0.01

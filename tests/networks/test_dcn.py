"""Cross layers by hand: full rank, low rank and mixtures of experts."""

import keras_rs
import numpy as np
import pytest
from scipy.special import softmax

from skrec.networks import build_dcn, check_experts
from tests.networks.field_rows import (
    ALL,
    NUMBERS,
    bias_beside,
    flat_dense,
    kernel,
    linear_part,
    looked_up,
    make_rows,
    relu,
    with_random_weights,
)

WIDTH = 4 * 4 + 9  # four vectors of length 4, and nine numbers


def built(**options):
    model = build_dcn(
        fields=ALL,
        n_outputs=2,
        units=(7,),
        embedding_dim=4,
        linear=True,
        dtype="float64",
        **options,
    )
    return with_random_weights(model)


def flat_by_hand(model, rows):
    ids, means = looked_up(model, "embedding", (4, 4), ALL, rows)
    return np.concatenate([*ids, *means, flat_dense(rows)], axis=1)


def crossed_by_hand(model, x0):
    """Walk the layers: x_0 * (W x + b) + x, where W may be a product."""
    x = x0
    for layer in model.layers:
        if isinstance(layer, keras_rs.layers.FeatureCross):
            *kernels, bias = layer.get_weights()
            product = x
            for matrix in kernels:
                product = product @ matrix
            x = x0 * (product + bias) + x
    return x


def tower_by_hand(model, x):
    first = (WIDTH, 7)
    return relu(x @ kernel(model, first) + bias_beside(model, first))


def logits_by_hand(model, x, rows):
    last = (x.shape[1], 2)
    logits = x @ kernel(model, last) + bias_beside(model, last)
    return logits + linear_part(model, 2, ALL, rows)


@pytest.mark.parametrize("low_rank", [None, 3])
def test_stacked_crosses_feed_the_tower(low_rank):
    model = built(low_rank=low_rank, cross_layers=2)
    rows = make_rows(ALL)
    crossed = crossed_by_hand(model, flat_by_hand(model, rows))
    expected = logits_by_hand(model, tower_by_hand(model, crossed), rows)
    np.testing.assert_allclose(model(rows), expected, rtol=1e-10)


@pytest.mark.parametrize("low_rank", [None, 3])
def test_parallel_crosses_stand_beside_the_tower(low_rank):
    model = built(low_rank=low_rank, cross_layers=3, structure="parallel")
    rows = make_rows(ALL)
    x0 = flat_by_hand(model, rows)
    both = [crossed_by_hand(model, x0), tower_by_hand(model, x0)]
    expected = logits_by_hand(model, np.concatenate(both, axis=1), rows)
    np.testing.assert_allclose(model(rows), expected, rtol=1e-10)


def test_experts_are_gated_by_a_softmax_as_in_the_paper():
    n_experts, rank = 3, 2
    model = built(low_rank=rank, n_experts=n_experts, cross_layers=1)
    rows = make_rows(ALL)
    x0 = flat_by_hand(model, rows)
    down = kernel(model, (WIDTH, n_experts * rank))
    square = kernel(model, (n_experts, rank, rank))
    up = kernel(model, (n_experts * rank, WIDTH))
    bias = bias_beside(model, (n_experts * rank, WIDTH))
    gates = softmax(x0 @ kernel(model, (WIDTH, n_experts)), axis=1)
    crossed = x0.copy()
    for k in range(n_experts):
        own = slice(k * rank, (k + 1) * rank)
        hidden = np.tanh(np.tanh(x0 @ down[:, own]) @ square[k])
        crossed += gates[:, [k]] * (x0 * (hidden @ up[own] + bias))
    expected = logits_by_hand(model, tower_by_hand(model, crossed), rows)
    np.testing.assert_allclose(model(rows), expected, rtol=1e-10)


def test_each_cross_layer_raises_the_degree_by_one():
    model = build_dcn(
        fields=NUMBERS,
        n_outputs=1,
        units=(1,),
        cross_layers=3,
        structure="parallel",
        dtype="float64",
    )
    with_random_weights(model)
    (tower,) = [w for w in model.weights if w.shape == (2, 1)]
    tower.assign(np.zeros((2, 1)))  # what it adds is constant then
    line = np.linspace(-1, 1, 9)[:, None] * [[1.0, 2.0]]
    outputs = model(line).numpy().ravel()
    residuals = [
        np.polynomial.Polynomial.fit(range(9), outputs, degree, full=True)[1][0]
        for degree in (3, 4)
    ]
    assert residuals[0][0] > 1e-4
    assert residuals[1][0] < 1e-20


def test_initial_experts_are_as_large_as_one_of_their_own():
    experts = {"cross_layers": 3, "low_rank": 40, "n_experts": 8}
    model = build_dcn(fields=ALL, n_outputs=1, units=(2,), **experts)
    squares = [w.numpy() for w in model.weights if w.shape == (8, 40, 40)]
    assert len(squares) == 3
    for square in squares:
        # Glorot's uniform distribution for 40 units in and out.
        assert np.abs(square).max() == pytest.approx(np.sqrt(6 / 80), rel=0.01)


def test_experts_need_a_rank():
    with pytest.raises(ValueError, match=r"n_experts=4 .* set low_rank") as e:
        built(n_experts=4)
    assert str(e.value).endswith("Received: low_rank=None.")
    check_experts(1, None)
    check_experts(4, 8)

"""Neural matrix factorisation: its three structures by hand."""

import keras
import numpy as np
import pytest

from skrec.networks import build_neumf
from skrec.preprocessing._spec import FieldSpec

FIELDS = FieldSpec(tables=(8, 5), ids=(0, 1))
RNG = np.random.default_rng(0)
ROWS = {"ids": np.array([[2, 4], [7, 0], [1, 1], [2, 3]], "int32")}


def with_random_weights(model):
    model.set_weights([RNG.normal(0, 0.5, w.shape) for w in model.weights])
    return model


def layer(model, start):
    (found,) = [own for own in model.layers if own.name.startswith(start)]
    return [weight.numpy() for weight in found.weights]


def vectors(model, start):
    """Return the vectors of the users and of the items, whose rows come after."""
    (table,) = layer(model, start)
    users, items = ROWS["ids"].T
    return table[users], table[items + 8]


def tower(model, x):
    for own in model.layers:
        if isinstance(own, keras.layers.Dense) and own.name != "logits":
            kernel, bias = (weight.numpy() for weight in own.weights)
            x = np.maximum(x @ kernel + bias, 0)
    return x


@pytest.mark.parametrize("structure", ["gmf", "mlp", "neumf"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_output_is_that_of_the_paper_with_biases(structure, n_outputs):
    model = build_neumf(
        fields=FIELDS,
        n_outputs=n_outputs,
        structure=structure,
        num_factors=3,
        units=(6, 4),
    )
    with_random_weights(model)
    parts = []
    if structure != "mlp":
        user, item = vectors(model, "gmf")
        assert user.shape == (4, 3)
        parts.append(user * item)
    if structure != "gmf":
        x = np.concatenate(vectors(model, "mlp"), axis=1)
        assert x.shape == (4, 6)  # vectors of half the tower's first layer
        parts.append(tower(model, x))
    kernel, bias = layer(model, "logits")
    user, item = vectors(model, "weight")
    expected = np.concatenate(parts, axis=1) @ kernel + bias + user + item
    outputs = model(ROWS)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


def test_vectors_are_drawn_from_a_normal_distribution_of_deviation_01():
    fields = FieldSpec(tables=(3000, 2000), ids=(0, 1))
    model = build_neumf(fields=fields, n_outputs=1)
    for start in ("gmf", "mlp"):
        (table,) = layer(model, start)
        assert table.std() == pytest.approx(0.01, rel=0.02)
        assert abs(table.mean()) < 2e-4


def test_biases_are_zero_before_training():
    model = build_neumf(fields=FIELDS, n_outputs=2)
    (table,) = layer(model, "weight")
    assert table.shape == (13, 2)
    assert not table.any()


def test_penalties_reach_kernels_and_vectors():
    model = build_neumf(fields=FIELDS, n_outputs=1, l2=0.1, embedding_l2=0.01)
    with_random_weights(model)
    square = {"kernel": 0.0, "embeddings": 0.0, "bias": 0.0}
    for weight in model.weights:
        if weight.path.startswith("weight_of"):  # numbers of users and items have none
            continue
        square[weight.name] += float(np.sum(weight.numpy() ** 2))
    expected = 0.1 * square["kernel"] + 0.01 * square["embeddings"]
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
def test_every_precision_gives_the_same_numbers(dtype):
    options = {"fields": FIELDS, "n_outputs": 2}
    single = with_random_weights(build_neumf(**options))
    other = build_neumf(**options, dtype=dtype)
    other.set_weights(single.get_weights())
    outputs = np.asarray(other(ROWS))
    assert outputs.dtype == ("float64" if dtype == "float64" else "float32")
    # Of numbers that cancel, the rounding of the largest is left.
    expected = single(ROWS)
    tolerance = (1e-5 if dtype == "float64" else 0.02) * np.abs(expected).max()
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=tolerance)


def test_a_saved_model_loads_and_predicts_the_same(tmp_path):
    model = build_neumf(fields=FIELDS, n_outputs=2, dropout=0.1, l2=0.1)
    model.save(tmp_path / "neumf.keras")
    loaded = keras.models.load_model(tmp_path / "neumf.keras")
    np.testing.assert_array_equal(loaded(ROWS), model(ROWS))

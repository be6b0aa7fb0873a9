"""Deep interest network: dice, attention and padding, against plain NumPy."""

import keras
import numpy as np
import pytest
from scipy.special import expit

from skrec.networks import build_din
from skrec.networks._attention import Dice, PackSteps, SumByRow
from skrec.preprocessing import FieldSpec, SequenceSpec

RNG = np.random.default_rng(0)
ONE = FieldSpec(tables=(9,), ids=(0,), sequences=(SequenceSpec(0, 4),))
ROWS = {
    "ids": np.array([[3], [5], [8]], "int32"),
    "sequence_0": np.array([[0, 0, 3, 7], [2, 5, 1, 6], [0, 0, 0, 0]], "int32"),
}
ALL = FieldSpec(
    tables=(9, 6),
    ids=(1, 0, 0),
    n_numbers=2,
    sequences=(SequenceSpec(1, 3), SequenceSpec(0, 4), SequenceSpec(0, 1)),
    arrays=((3,), (2, 2)),
)


def randomised(model, seed=0):
    """Make every weight matter; variances stay positive."""
    rng = np.random.default_rng(seed)
    model.set_weights([np.abs(rng.normal(0, 0.5, w.shape)) for w in model.weights])
    for weight in model.weights:
        if "variance" not in weight.path:
            weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


def dense_layers(model):
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    return [layer.get_weights() for layer in layers]


def relu(x):
    return np.maximum(x, 0)


def rows_of(fields, n_rows=5, seed=0):
    rng = np.random.default_rng(seed)
    codes = [rng.integers(1, fields.tables[t], n_rows) for t in fields.ids]
    rows = {"ids": np.stack(codes, 1), "numbers": rng.normal(size=(n_rows, 2))}
    for k, (table, length) in enumerate(fields.sequences):
        codes = rng.integers(1, fields.tables[table], (n_rows, length))
        codes[np.arange(length) < rng.integers(0, length + 1, n_rows)[:, None]] = 0
        rows[f"sequence_{k}"] = codes
    for k, shape in enumerate(fields.arrays):
        rows[f"array_{k}"] = rng.normal(size=(n_rows, *shape))
    return rows


# ---- dice ----------------------------------------------------------------------------


def test_dice_bends_at_the_mean_of_the_batch():
    layer = Dice()
    x = RNG.normal(3, 2, size=(50, 4)).astype("float32")
    layer.build(x.shape)
    alpha = np.array([0, 0.25, 1, -1], "float32")
    layer.alpha.assign(alpha)
    p = expit((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-8))
    expected = p * x + (1 - p) * alpha * x
    np.testing.assert_allclose(layer(x, training=True), expected, atol=1e-5)
    np.testing.assert_allclose(layer.norm.moving_mean, 0.1 * x.mean(0), rtol=1e-4)


def test_dice_uses_moving_averages_when_it_does_not_train():
    layer = Dice()
    x = RNG.normal(size=(6, 2)).astype("float32")
    layer.build(x.shape)
    layer.norm.set_weights([np.array([1.0, -1.0]), np.array([4.0, 0.25])])
    expected = x * expit((x - [1, -1]) / [2, 0.5])
    np.testing.assert_allclose(layer(x, training=False), expected, rtol=1e-5)


def test_dice_starts_without_a_slope_below_the_mean_and_has_one_alpha_a_unit():
    layer = Dice()
    layer.build((None, 3))
    assert [w.name for w in layer.trainable_weights] == ["alpha"]
    np.testing.assert_array_equal(layer.alpha, np.zeros(3))


# ---- attention -----------------------------------------------------------------------


def test_steps_are_packed_and_summed_by_row():
    steps = RNG.normal(size=(3, 4, 2)).astype("float32")
    target = RNG.normal(size=(3, 2)).astype("float32")
    mask = ROWS["sequence_0"] != 0
    packed, targets, rows = PackSteps()(steps, target, mask)
    np.testing.assert_array_equal(rows, [0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(packed, steps[mask])
    np.testing.assert_array_equal(targets, target[np.asarray(rows)])
    sums = SumByRow()(packed, rows, target)
    np.testing.assert_allclose(sums, (steps * mask[..., None]).sum(1), rtol=1e-6)


def test_a_batch_of_empty_histories_has_finite_statistics_and_zero_interests():
    model = build_din(fields=ONE, n_outputs=1, pairs=((0, 0),), units=(4,))
    empty = {**ROWS, "sequence_0": np.zeros((3, 4), "int32")}
    assert np.isfinite(model(empty, training=True)).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    packed, targets, rows = PackSteps()(
        np.ones((3, 4, 2), "float32"), np.ones((3, 2), "float32"), np.zeros((3, 4)) > 0
    )
    np.testing.assert_array_equal(packed, [[0, 0]])
    np.testing.assert_array_equal(SumByRow()(packed, rows, targets), [[0, 0]])


def test_din_is_the_network_of_the_paper():
    model = build_din(
        fields=ONE,
        n_outputs=2,
        pairs=((0, 0),),
        embedding_dim=3,
        units=(5,),
        attention_units=(4,),
        activation="relu",
    )
    randomised(model)
    vectors = model.layers[2].get_weights()[0]
    (a, b), (c, d), (e, f), (g, h) = dense_layers(model)
    expected = []
    for target, history in zip(ROWS["ids"][:, 0], ROWS["sequence_0"], strict=True):
        t, interest = vectors[target], np.zeros(3)
        for s in vectors[history[history > 0]]:
            seen = np.concatenate([s, t, s - t, s * t])
            interest = interest + (relu(seen @ a + b) @ c + d) * s
        x = np.concatenate([t, interest])
        expected.append(relu(x @ e + f) @ g + h)
    np.testing.assert_allclose(model(ROWS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["dice", "sigmoid"])
def test_more_padding_changes_nothing_in_training_either(activation):
    options = {"n_outputs": 1, "pairs": ((0, 0),), "activation": activation}
    short = randomised(build_din(fields=ONE, **options))
    longer = FieldSpec(tables=(9,), ids=(0,), sequences=(SequenceSpec(0, 9),))
    long = build_din(fields=longer, **options)
    long.set_weights(short.get_weights())
    padded = {**ROWS, "sequence_0": np.pad(ROWS["sequence_0"], ((0, 0), (5, 0)))}
    for training in (False, True):
        np.testing.assert_allclose(
            long(padded, training=training),
            short(ROWS, training=training),
            rtol=1e-4,
            atol=1e-5,
        )


# ---- fields --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "mixed_float16"])
def test_every_kind_of_field_and_several_histories_and_a_saved_model(dtype, tmp_path):
    model = build_din(
        fields=ALL,
        n_outputs=3,
        pairs=((0, 0), (1, 1)),
        units=(8, 4),
        attention_units=(6,),
        dtype=dtype,
        batch_norm=True,
        dropout=0.1,
        l2=0.01,
        embedding_l2=0.01,
    )
    rows = rows_of(ALL)
    outputs = np.array(model(rows))
    assert outputs.shape == (5, 3)
    assert np.isfinite(outputs).all()
    assert outputs.dtype == ("float64" if dtype == "float64" else "float32")
    model.save(tmp_path / "din.keras")
    loaded = keras.models.load_model(tmp_path / "din.keras")
    np.testing.assert_array_equal(loaded(rows), outputs)


def test_without_sequences_it_is_a_tower():
    fields = FieldSpec(n_numbers=4)
    model = build_din(fields=fields, n_outputs=1, units=(8, 4), activation="relu")
    assert model.count_params() == 5 * 8 + 9 * 4 + 5
    assert model(np.ones((2, 4))).shape == (2, 1)

"""What all networks on fields have in common: kinds, dtypes, penalties, saving."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from skrec.networks import (
    build_autoint,
    build_dcn,
    build_deepfm,
    build_fm,
    build_wide_deep,
)
from skrec.networks._fields import periodic_numbers
from skrec.training._seeds import initial_weights
from tests.networks.field_rows import (
    ALL,
    KINDS,
    make_rows,
    model_inputs,
    with_random_weights,
)
from tests.night import by_day


def build_mixed_dcn(**options):
    return build_dcn(low_rank=2, n_experts=2, **options)


WITH_TOWER = [build_deepfm, build_wide_deep, build_dcn, build_mixed_dcn]
BUILDERS = [build_fm, build_autoint, *WITH_TOWER]


def built(builder, fields=ALL, n_outputs=1, **options):
    if builder in WITH_TOWER:
        options["units"] = (6, 4)
    return builder(fields=fields, n_outputs=n_outputs, embedding_dim=3, **options)


@pytest.mark.parametrize(
    "builder", by_day(BUILDERS, "build_fm", "build_autoint", "build_dcn")
)
@pytest.mark.parametrize("kind", ["ids", "numbers", "sequences", "arrays"])
def test_any_kind_of_field_may_stand_alone(builder, kind):
    rows = make_rows(KINDS[kind], n_rows=5)
    options = {"activation": "tanh"} if builder in WITH_TOWER else {}  # relu is blind
    model = with_random_weights(built(builder, KINDS[kind], n_outputs=3, **options))
    outputs = model(model_inputs(rows)).numpy()
    assert outputs.shape == (5, 3)
    assert np.unique(outputs, axis=0).shape == (5, 3)  # every row is read


@pytest.mark.parametrize(
    "builder", by_day(BUILDERS, "build_autoint", "build_deepfm", "build_mixed_dcn")
)
@pytest.mark.parametrize(
    ("dtype", "output"), [("float64", "float64"), ("mixed_float16", "float32")]
)
def test_outputs_are_never_of_half_precision(builder, dtype, output):
    model = built(builder, dtype=dtype)
    assert model.output.dtype == output
    assert {w.dtype for w in model.weights} == {output}
    single = built(builder)
    single.set_weights(model.get_weights())
    rows = make_rows(ALL)
    np.testing.assert_allclose(model(rows), single(rows), rtol=0.03, atol=0.03)


@pytest.mark.parametrize("builder", BUILDERS)
def test_penalties_are_on_kernels_and_embeddings_alone(builder):
    model = built(builder, l1=0.1, l2=0.2, embedding_l2=0.3)
    assert {w.name for w in model.weights} == {"kernel", "embeddings", "bias"}
    with_random_weights(model)
    kernels = [w.numpy() for w in model.weights if w.name == "kernel"]
    tables = [
        w.numpy()
        for w in model.weights
        if w.name == "embeddings" and not w.path.startswith("weight_of")
    ]
    assert tables
    expected = sum(0.1 * np.abs(w).sum() + 0.2 * np.square(w).sum() for w in kernels)
    expected += sum(0.3 * np.square(w).sum() for w in tables)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)
    assert built(builder).losses == []


@pytest.mark.parametrize("builder", BUILDERS)
def test_seeds_draw_every_kernel_and_every_vector(builder):
    model = built(builder)
    before = model.get_weights()
    after = initial_weights(model, before, seed=1)
    again = initial_weights(model, before, seed=1)
    for weight, old, new, same in zip(model.weights, before, after, again, strict=True):
        np.testing.assert_array_equal(new, same)
        starts_at_zero = weight.name == "bias" or weight.path.startswith("weight_")
        assert (new != old).all() != starts_at_zero, weight.path


@pytest.mark.parametrize("builder", BUILDERS)
def test_every_weight_gets_a_gradient(builder):
    import tensorflow as tf

    model = with_random_weights(built(builder, dtype="float64"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(make_rows(ALL, n_rows=20)) ** 2)
    gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.path


def test_batch_norm_and_dropout_are_in_the_tower():
    for builder in (build_deepfm, build_wide_deep, build_dcn):
        model = built(builder, batch_norm=True, dropout=0.3)
        kinds = [type(layer).__name__ for layer in model.layers]
        assert kinds.count("BatchNormalization") == 2
        rates = [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]
        assert rates == [0.3, 0.3]


LOADER = """
import sys
import numpy as np
import keras, keras_rs

rows = dict(np.load(sys.argv[1]))

def same(path):
    loaded = keras.saving.load_model(path)
    np.testing.assert_allclose(loaded(rows), np.load(path + ".npy"), rtol=1e-4)

for path in sys.argv[3:]:
    same(path)
assert "skrec" not in sys.modules
import skrec.networks
same(sys.argv[2])
"""


@pytest.mark.nightly
def test_saved_models_load_in_another_process_and_only_fm_needs_skrec(tmp_path):
    rows = make_rows(ALL)
    np.savez(tmp_path / "rows.npz", **rows)
    paths = []
    for builder in BUILDERS:
        model = with_random_weights(built(builder, l2=0.1, dropout=0.1))
        paths.append(str(tmp_path / f"{builder.__name__}.keras"))
        model.save(paths[-1])
        np.save(f"{paths[-1]}.npy", model(rows))
    command = [sys.executable, "-c", LOADER, str(tmp_path / "rows.npz"), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("builder", [build_deepfm, build_wide_deep, build_dcn])
def test_waves_stand_beside_the_numbers(builder):
    plain, periodic = built(builder), built(builder, periodic=True)
    kernels = [w.shape for w in periodic.weights if w.name == "kernel"]
    n = ALL.n_numbers
    assert (n, 16) in kernels  # frequencies
    assert (n, 16, 3) in kernels
    assert periodic.count_params() > plain.count_params()
    with_random_weights(periodic)
    rows = make_rows(ALL)
    moved = {**rows, "numbers": rows["numbers"] + 1e-3}
    assert not np.array_equal(periodic(rows), periodic(moved))


def test_waves_by_hand():
    numbers = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    inputs = keras.Input((3,))
    model = keras.Model(inputs, periodic_numbers(inputs, "float32"))
    frequencies, phases, kernel, bias = model.get_weights()
    assert np.abs(phases).max() <= np.pi
    waves = np.cos(numbers[:, :, None] * frequencies + phases)
    vectors = np.einsum("bnf,nfd->bnd", waves, kernel) + bias
    expected = np.concatenate([numbers[:, :, None], vectors], axis=2)
    np.testing.assert_allclose(model(numbers), expected, rtol=1e-4, atol=1e-5)

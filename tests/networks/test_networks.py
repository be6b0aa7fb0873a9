"""Architectures: shapes, sizes, and what padding and options do to the graph."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrec.networks import (
    PADDING_VALUE,
    Network,
    as_sizes,
    build_cnn,
    build_mlp,
    build_rnn,
    too_short,
)
from tests.night import by_day

RNG = np.random.default_rng(0)


def layer_names(model):
    return [type(layer).__name__ for layer in model.layers]


# ---- sizes ---------------------------------------------------------------------------


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=5))
def test_as_sizes_reads_every_way_of_writing_sizes(sizes):
    expected = tuple(sizes)
    assert as_sizes("-".join(map(str, sizes)), "units") == expected
    assert as_sizes(sizes, "units") == expected
    assert as_sizes(expected, "units") == expected
    assert as_sizes(np.array(sizes), "units") == expected
    assert as_sizes(np.int64(sizes[0]), "units") == expected[:1]
    assert all(type(size) is int for size in as_sizes(np.array(sizes), "units"))


@pytest.mark.parametrize(
    "value",
    [
        0,
        -3,
        2.5,
        True,
        None,
        "",
        "32-",
        "-32",
        "32--16",
        "32-x",
        "0",
        [],
        [8, 0],
        [8.0],
    ],
)
def test_as_sizes_names_the_parameter_the_range_and_the_value(value):
    with pytest.raises(
        ValueError, match=r"filters must be an integer in \[1, inf\)"
    ) as e:
        as_sizes(value, "filters")
    assert str(e.value).endswith(f"Received: {value!r}.")


# ---- the description of an architecture ----------------------------------------------


def test_equal_networks_are_one_key_and_different_options_another():
    options = {"n_outputs": 3, "units": (8,)}
    network = Network.of(build_mlp, input_shape=(4,), **options)
    same = Network.of(build_mlp, units=(8,), n_outputs=3, input_shape=(4,))
    wider = Network.of(build_mlp, input_shape=(5,), **options)
    assert network == same
    assert hash(network) == hash(same)
    assert network != wider
    assert network != Network.of(build_cnn, input_shape=(4,), filters=(2,), n_outputs=3)


# ---- shapes --------------------------------------------------------------------------


@pytest.mark.parametrize("input_shape", [(7,), (7, 3), (6, 5, 2)])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_cnn_maps_features_sequences_and_images_to_outputs(input_shape, n_outputs):
    model = build_cnn(input_shape=input_shape, n_outputs=n_outputs, filters=(4, 2))
    assert model.output_shape == (None, n_outputs)
    assert model(RNG.normal(size=(5, *input_shape))).shape == (5, n_outputs)
    kind = "Conv2D" if len(input_shape) == 3 else "Conv1D"
    assert layer_names(model).count(kind) == 2


@pytest.mark.parametrize(
    ("bidirectional", "cell", "input_shape"),
    by_day(
        [
            pytest.param(two, cell, shape, id=f"{two}-{cell}-{len(shape)}")
            for two in (False, True)
            for cell in ("gru", "lstm")
            for shape in ((7,), (7, 3))
        ],
        "False-gru-1",
        "False-lstm-2",
        "True-gru-2",
    ),
)
def test_rnn_has_the_cell_asked_for(input_shape, cell, bidirectional):
    model = build_rnn(
        input_shape=input_shape,
        n_outputs=2,
        cell=cell,
        units=(4, 3),
        bidirectional=bidirectional,
    )
    assert model(RNG.normal(size=(5, *input_shape))).shape == (5, 2)
    found = [
        layer.forward_layer if bidirectional else layer
        for layer in model.layers
        if isinstance(layer, (keras.layers.Bidirectional, keras.layers.RNN))
    ]
    assert [type(layer).__name__.lower() for layer in found] == [cell, cell]
    assert [layer.units for layer in found] == [4, 3]


@pytest.mark.parametrize("input_shape", [(7,), (7, 3), (6, 5, 2)])
def test_mlp_flattens_what_has_more_dimensions(input_shape):
    model = build_mlp(input_shape=input_shape, n_outputs=2, units=(8, 4))
    n_inputs = np.prod(input_shape)
    n_weights = (n_inputs + 1) * 8 + 9 * 4 + 5 * 2
    assert model.count_params() == n_weights
    beside = build_mlp(input_shape=input_shape, n_outputs=2, units=(8, 4), linear=True)
    assert beside.count_params() == n_weights + 2 * n_inputs


@pytest.mark.parametrize(
    ("builder", "sizes", "normalised"),
    [
        (build_cnn, {"filters": (4,), "units": (4,)}, 2),
        (build_rnn, {"units": (4, 4)}, 1),
        (build_mlp, {"units": (4, 4)}, 2),
    ],
)
def test_options_put_their_layers_in(builder, sizes, normalised):
    shape = {"input_shape": (6, 2), "n_outputs": 1}
    plain = builder(**shape, **sizes)
    full = builder(**shape, **sizes, batch_norm=True, dropout=0.3, l1=0.1, l2=0.2)
    assert "BatchNormalization" not in layer_names(plain)
    assert layer_names(full).count("BatchNormalization") == normalised
    rates = [x.rate for x in full.layers if isinstance(x, keras.layers.Dropout)]
    assert set(rates) == {0.3}
    assert plain.losses == []
    kernels = [w for w in full.trainable_weights if w.name == "kernel"]
    assert len(full.losses) == len(kernels)
    expected = sum(
        0.1 * np.abs(kernel.numpy()).sum() + 0.2 * np.square(kernel.numpy()).sum()
        for kernel in kernels
    )
    assert float(sum(full.losses)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("builder", "sizes"),
    [(build_cnn, {"filters": (4,)}), (build_rnn, {}), (build_mlp, {"units": (4,)})],
)
@pytest.mark.parametrize(
    ("dtype", "output"),
    [
        ("float64", "float64"),
        ("mixed_float16", "float32"),
        ("mixed_bfloat16", "float32"),
    ],
)
def test_outputs_are_never_of_half_precision(builder, sizes, dtype, output):
    model = builder(input_shape=(6, 2), n_outputs=1, dtype=dtype, **sizes)
    assert model.output.dtype == output


# ---- short sequences -----------------------------------------------------------------


@pytest.mark.parametrize("input_shape", [(1,), (1, 3), (1, 1, 2), (2, 3)])
def test_a_kernel_wider_than_the_sequence_names_itself_instead_of_failing(input_shape):
    (message,) = too_short(input_shape, kernel_size=9, pool_size=2)
    assert f"kernel_size=9 is too wide for the {input_shape[0]} steps" in message
    model = build_cnn(
        input_shape=input_shape, n_outputs=1, filters=(4, 4, 4), kernel_size=9
    )
    assert model(np.ones((2, *input_shape))).shape == (2, 1)


def test_a_pool_longer_than_the_sequence_names_itself():
    (message,) = too_short((3, 2), kernel_size=3, pool_size=5)
    assert "pool_size=5 is larger than the 3 steps of X" in message


@pytest.mark.parametrize("steps", [1, 2, 3, 12])
def test_the_defaults_fit_any_sequence(steps):
    assert too_short((steps, 2), kernel_size=3, pool_size=2) == []


# ---- padding -------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", by_day([False, True], "False"))
def test_padded_steps_in_front_do_not_change_the_output(cell, bidirectional):
    options = {
        "n_outputs": 2,
        "cell": cell,
        "units": (5, 4),
        "bidirectional": bidirectional,
    }
    short = build_rnn(input_shape=(4, 3), **options)
    long = build_rnn(input_shape=(9, 3), **options)
    long.set_weights(short.get_weights())
    x = RNG.normal(size=(6, 4, 3)).astype("float32")
    padding = np.full((6, 5, 3), PADDING_VALUE, "float32")
    np.testing.assert_allclose(
        long(np.concatenate([padding, x], axis=1)), short(x), atol=1e-6
    )

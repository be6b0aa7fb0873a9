"""Models share a program exactly if one can train the other, class by class."""

import inspect

import keras
import numpy as np
import pytest

from skrec.training.program import Program
from skrec.training.rows import Data
from skrec.training.state import Rates, State
from skrec.training.structure import (
    SHAREABLE,
    compile_kwargs,
    copies_equal,
    network_digest,
    sharing,
)
from tests.night import by_day

L = keras.layers
N_ROWS, BATCH_SIZE = 22, 8


def compiled(inputs, outputs=None):
    model = inputs if outputs is None else keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.5), "mse", jit_compile=False)
    return model


def chain(shape, *layers):
    return compiled(keras.Sequential([keras.Input(shape), *layers, L.Flatten()]))


def rows_and_features():
    inputs = keras.Input((12,))
    x = L.Dense(8, "relu", kernel_regularizer="l2")(inputs)
    x = L.Identity()(L.BatchNormalization()(L.Rescaling(0.5)(x)))
    x = L.LayerNormalization()(L.Dropout(0.3, seed=1)(x))
    x = L.UnitNormalization()(L.RMSNormalization()(L.ActivityRegularization(0.01)(x)))
    x = L.LeakyReLU()(L.PReLU()(L.ELU()(L.ReLU(threshold=0.01)(x))))
    x = L.GaussianNoise(0.1, seed=2)(L.GaussianDropout(0.2, seed=3)(x))
    x = L.Softmax()(L.Activation("selu")(L.AlphaDropout(0.2, seed=4)(x)))
    parts = [L.Dense(4)(x) for _ in range(2)]
    merged = [
        merge()(parts)
        for merge in (L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum)
    ]
    merged += [L.Dot(1)(parts), L.Concatenate()(parts)]
    return compiled(inputs, L.Dense(2)(L.Concatenate()(merged)))


def sequences():
    inputs = keras.Input((6, 4))
    x = L.Masking(0.0)(inputs)
    cells = [L.GRUCell(3), L.LSTMCell(3), L.SimpleRNNCell(3)]
    ends = [
        L.GRU(3, dropout=0.1, seed=1)(x),
        L.LSTM(3, recurrent_dropout=0.1, seed=2)(x),
        L.SimpleRNN(3)(x),
        L.RNN(L.StackedRNNCells(cells))(x),
        L.Bidirectional(L.GRU(2))(x),
    ]
    attended = L.MultiHeadAttention(2, 3, dropout=0.1, seed=3)(x, x)
    attended = L.GroupQueryAttention(2, 2, 1, seed=4)(attended, attended)
    attended = L.Attention()([attended, L.AdditiveAttention()([x, x])])
    attended = L.TimeDistributed(L.Dense(3))(attended)
    attended = L.SpatialDropout1D(0.3, seed=5)(attended)
    ends.append(L.Flatten()(L.EinsumDense("abc,cd->abd", (6, 3))(attended)))
    return compiled(inputs, L.Dense(2)(L.Concatenate()(ends)))


def convolutions_1d():
    return chain(
        (12, 2),
        *(
            L.ZeroPadding1D(1),
            L.Conv1D(3, 3),
            L.UpSampling1D(2),
            L.Conv1DTranspose(3, 3),
        ),
        *(L.SeparableConv1D(3, 3), L.DepthwiseConv1D(3), L.GroupNormalization(3)),
        *(L.Cropping1D(1), L.MaxPooling1D(2), L.AveragePooling1D(2), L.Permute((2, 1))),
        *(L.GlobalAveragePooling1D(), L.RepeatVector(3), L.GlobalMaxPooling1D()),
    )


def convolutions_2d():
    return chain(
        (8, 8, 2),
        *(
            L.ZeroPadding2D(1),
            L.Conv2D(3, 3),
            L.UpSampling2D(2),
            L.Conv2DTranspose(3, 3),
        ),
        *(
            L.SeparableConv2D(3, 3),
            L.DepthwiseConv2D(3),
            L.SpatialDropout2D(0.2, seed=1),
        ),
        *(L.Cropping2D(1), L.MaxPooling2D(2), L.AveragePooling2D(2)),
        *(L.GlobalAveragePooling2D(), L.Reshape((1, 1, 3)), L.GlobalMaxPooling2D()),
    )


def convolutions_3d():
    return chain(
        (6, 6, 6, 1),
        *(
            L.ZeroPadding3D(1),
            L.Conv3D(2, 3),
            L.UpSampling3D(2),
            L.Conv3DTranspose(2, 3),
        ),
        *(L.Cropping3D(1), L.MaxPooling3D(2), L.AveragePooling3D(2)),
        *(L.SpatialDropout3D(0.2, seed=1), L.GlobalAveragePooling3D()),
        *(L.Reshape((1, 1, 1, 2)), L.GlobalMaxPooling3D()),
    )


def looked_up():
    inputs = keras.Input((5,), dtype="int32")
    x = L.GlobalAveragePooling1D()(L.Embedding(9, 3, mask_zero=True)(inputs))
    return compiled(inputs, L.Dense(2)(x))


MODELS = [rows_and_features, sequences, convolutions_1d, convolutions_2d]
MODELS += [convolutions_3d, looked_up]


def test_every_listed_class_is_in_one_of_the_models():
    found = {
        type(layer)
        for make in MODELS
        for layer in make()._flatten_layers(include_self=0)
    }
    assert {kind.__name__ for kind in SHAREABLE - found} == set()


def rows_of(model):
    rng = np.random.default_rng(0)
    shape, dtype = model.inputs[0].shape[1:], model.inputs[0].dtype
    if dtype == "int32":
        x = rng.integers(9, size=(N_ROWS, *shape)).astype(dtype)
    else:
        x = rng.normal(size=(N_ROWS, *shape)).astype(dtype)
    y = rng.normal(size=(N_ROWS, *model.outputs[0].shape[1:])).astype("float32")
    return x, y, np.ones(N_ROWS, "float32")


# Recurrent layers are traced in half a minute; `tests/own_networks` has some by day.
@pytest.mark.parametrize(
    "make",
    by_day(MODELS, "looked_up"),
)
def test_two_epochs_of_a_shared_program_are_those_of_keras(make):
    # In 3-D, Keras's own gradients of a bias are 7e-5 from those in double precision.
    tolerance = 2e-4 if make is convolutions_3d else 1e-5
    keras.utils.set_random_seed(0)
    model = make()
    key = sharing(model).key
    program = Program(model, compile_kwargs(model), "/CPU:0", as_keras=True)
    assert copies_equal(program.model, key)
    state = State(program.weights_of(model), program.untrained_optimizer)
    program.load(state)
    x, y, weight = rows_of(model)
    rates = [layer.rate for layer in model.layers if type(layer) is L.Dropout]
    values = {f"dropout_{k}": rate for k, rate in enumerate(rates)}
    rates = Rates.of(
        model.optimizer, values, program.tuned, has_pieces=program.has_pieces
    )
    steps = np.full(-(-N_ROWS // BATCH_SIZE), 0.05)
    data = Data.of(x, y, weight, "/CPU:0")
    order = np.arange(N_ROWS)
    losses = [
        program.train_epoch(data, order, BATCH_SIZE, steps, rates, [])["loss"]
        for _ in range(2)
    ]
    options = {"batch_size": BATCH_SIZE, "epochs": 2, "shuffle": False, "verbose": 0}
    expected = model.fit(x, y, **options).history["loss"]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for ours, theirs in zip(
        program.get_weights(), program.weights_of(model), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=tolerance)
    np.testing.assert_allclose(
        program.predictor.predict(program.model.weights, x),
        model.predict(x, verbose=0),
        atol=10 * tolerance,
    )


# ---- what makes another key ----------------------------------------------------------

ARGUMENTS = {
    "Dense": {"units": 3},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 3},
    "Embedding": {"input_dim": 9, "output_dim": 2},
    "Activation": {"activation": "relu"},
    "SpatialDropout1D": {"rate": 0.5},
    "SpatialDropout2D": {"rate": 0.5},
    "SpatialDropout3D": {"rate": 0.5},
    "AlphaDropout": {"rate": 0.5},
    "GaussianDropout": {"rate": 0.5},
    "GaussianNoise": {"stddev": 0.5},
    "Reshape": {"target_shape": (2, -1)},
    "Permute": {"dims": (2, 1)},
    "RepeatVector": {"n": 2},
    "Rescaling": {"scale": 2.0},
    "Dot": {"axes": 1},
    "GroupNormalization": {"groups": 2},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 4, "dropout": 0.1},
    "GRU": {"units": 3},
    "LSTM": {"units": 3},
    "SimpleRNN": {"units": 3},
    "ConvND": {"filters": 4, "kernel_size": 3},
    "AveragePooling": {"pool_size": 2},
    "DepthwiseConv": {"kernel_size": 3},
}
SHAPES = {"1D": (12, 4), "2D": (8, 8, 4), "3D": (6, 6, 6, 4)}
SHAPES |= {name: (6, 4) for name in ("GRU", "LSTM", "SimpleRNN", "Permute", "Masking")}
SHAPES |= {"GroupNormalization": (6, 4), "MultiHeadAttention": (6, 4)}
MERGES = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"}
MERGES |= {"Dot"}
# Inside others, and read with them.
INSIDE = {
    "InputLayer",
    "GRUCell",
    "LSTMCell",
    "SimpleRNNCell",
    "RNN",
    "StackedRNNCells",
}
INSIDE |= {"Bidirectional", "TimeDistributed", "Attention", "AdditiveAttention"}
INSIDE |= {"GroupQueryAttention", "Dropout"}
# What counts nothing, or comes with a fit as numbers.
FREE = {"name", "dtype", "trainable", "use_cudnn", "quantization_config"}


def arguments_of(kind):
    name = kind.__name__
    if name in ARGUMENTS:
        return ARGUMENTS[name]
    if "Depthwise" in name:
        return ARGUMENTS["DepthwiseConv"]
    if name.startswith("AveragePooling"):
        return ARGUMENTS["AveragePooling"]
    return ARGUMENTS["ConvND"] if "Conv" in name else {}


def model_of(kind, config):
    name = kind.__name__
    shape = SHAPES.get(name) or SHAPES.get(name[-2:]) or SHAPES.get(name[6:8]) or (8,)
    if "Transpose" in name:
        shape = SHAPES[name[4:6]]
    dtype = "int32" if name == "Embedding" else "float32"
    inputs = keras.Input(shape, dtype=dtype)
    layer = kind.from_config(config)
    if name == "MultiHeadAttention":
        outputs = layer(inputs, inputs)
    else:
        outputs = layer([inputs, inputs] if name in MERGES else inputs)
    return compiled(inputs, L.Flatten()(outputs))


def others(name, value):
    """Yield other values that an argument might have."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value * 2)
    elif isinstance(value, float):
        yield value / 2 + 0.125
    elif isinstance(value, list | tuple) and all(isinstance(v, int) for v in value):
        yield type(value)(v + 1 for v in value)
    elif name in ("activation", "recurrent_activation"):
        yield "tanh" if value != "tanh" else "relu"
    elif name.endswith("regularizer"):
        yield {"class_name": "L2", "config": {"l2": 0.5}}
    elif name.endswith("constraint"):
        yield {"class_name": "MaxNorm", "config": {"max_value": 0.5, "axis": 0}}
    elif isinstance(value, str):
        yield from ("same", "valid", "channels_first", "nearest", "bilinear")


# One class of each kind by day.
BY_DAY = {"Dense", "Embedding", "Conv1D", "MaxPooling1D"}
BY_DAY |= {"BatchNormalization", "GroupNormalization", "Masking"}
BY_DAY |= {"AlphaDropout", "SpatialDropout1D", "GaussianNoise", "LeakyReLU", "Softmax"}
BY_DAY |= {"Activation", "Dot", "Reshape", "Rescaling", "UpSampling2D", "PReLU"}
SINGLE = [
    pytest.param(
        kind,
        marks=[] if kind.__name__ in BY_DAY else [pytest.mark.nightly],
        id=kind.__name__,
    )
    for kind in sorted(SHAREABLE, key=lambda kind: kind.__name__)
    if kind not in {getattr(L, name) for name in INSIDE}
]


@pytest.mark.parametrize("kind", SINGLE)
def test_every_other_argument_is_another_key(kind):
    config = kind(**arguments_of(kind)).get_config()
    key = sharing(model_of(kind, config)).key
    assert sharing(model_of(kind, dict(config))).key == key
    for name, value in config.items():
        if name in FREE or "initializer" in name:
            continue
        for other in others(name, value):
            try:
                changed = model_of(kind, {**config, name: other})
            except Exception:  # this value is not a legal one
                continue
            found = sharing(changed)
            same = changed.layers[-2].get_config().get(name) == value
            assert same or found is None or found.key != key, (name, value, other)


@pytest.mark.parametrize("kind", SINGLE)
def test_an_attribute_set_after_construction_is_another_key_or_none(kind):
    config = kind(**arguments_of(kind)).get_config()
    key = sharing(model_of(kind, config)).key
    signature = inspect.signature(kind.__init__).parameters
    for name, value in config.items():
        model = model_of(kind, config)
        layer = model.layers[-2]
        if name not in signature or not isinstance(value, int | float | bool | str):
            continue
        if name in FREE or "initializer" in name or name not in vars(layer):
            continue
        for other in list(others(name, value))[:1]:
            setattr(layer, name, other)
            found = sharing(model)
            assert found is None or found.key != key, name


def test_dropout_rates_and_seeds_at_the_top_are_numbers_and_inside_are_not():
    def top(rate, seed=None):
        return chain((4,), L.Dense(3), L.Dropout(rate, seed=seed))

    def inside(rate):
        inner = keras.Sequential([keras.Input((4,)), L.Dense(3), L.Dropout(rate)])
        return chain((4,), inner)

    assert len({sharing(top(rate, rate_seed)).key for rate, rate_seed in
                [(0.0, None), (0.3, 1), (0.5, 2)]}) == 1  # fmt: skip
    assert len({sharing(inside(rate)).key for rate in (0.0, 0.3, 0.5)}) == 3


class Double(L.Dense):
    def call(self, x):
        return 2 * super().call(x)


class Own(keras.regularizers.Regularizer):
    def __call__(self, weights):
        return 0.0


def test_what_is_not_keras_own_is_never_shared():
    layer = L.Dense(2)
    layer.call = lambda x: x
    patched = chain((4,), L.Dense(2))
    patched.compute_loss = lambda *args, **kwargs: 0.0
    for model in (
        chain((4,), Double(2)),
        chain((4,), L.Lambda(lambda x: x)),
        chain((4,), L.Dense(2, activation=lambda x: x)),
        chain((4,), L.Dense(2, kernel_regularizer=Own())),
        chain((4,), L.Normalization()),
        chain((2,), layer),
        chain((4,), keras.Sequential([Double(2)])),
        patched,
    ):
        assert sharing(model) is None


def test_how_layers_are_connected_and_tied_is_another_key():
    def model(second, tied):
        inputs = keras.Input((4,))
        first = L.Dense(4)
        x = first(inputs)
        y = (first if tied else L.Dense(4))(inputs if second else x)
        return compiled(inputs, L.Dense(1)(x + y))

    keys = {sharing(model(a, b)).key for a in (0, 1) for b in (0, 1)}
    assert len(keys) == 4


def test_frozen_weights_losses_and_metrics_are_another_key():
    def model(loss="mse", metrics=None, frozen=False, optimizer="sgd"):
        made = keras.Sequential([keras.Input((4,)), L.Dense(2), L.Dense(1)])
        made.layers[0].trainable = not frozen
        made.compile(optimizer, loss, metrics=metrics)
        return made

    made = [
        model(),
        model("mae"),
        model(keras.losses.Huber(0.5)),
        model(keras.losses.Huber(0.6)),
        model(metrics=["mae"]),
        model(frozen=True),
        model(optimizer="adam"),
        model(optimizer=keras.optimizers.SGD(0.1, momentum=0.5)),
        model(optimizer=keras.optimizers.SGD(0.1, clipvalue=0.5)),
    ]
    assert len({sharing(item).key for item in made}) == len(made)
    rates = [keras.optimizers.Adam(rate, beta_1=rate) for rate in (0.1, 0.2)]
    assert len({sharing(model(optimizer=rate)).key for rate in rates}) == 1


def test_a_function_of_the_users_own_counts_by_what_it_reads():
    names = {"keras": keras, "FACTOR": 1.0}
    exec("def loss(y, p): return FACTOR * keras.ops.mean((y - p) ** 2)", names)

    def model():
        made = keras.Sequential([keras.Input((4,)), L.Dense(1)])
        made.compile("sgd", names["loss"])
        return made

    one = sharing(model())
    assert one.has_own_code
    names["FACTOR"] = 2.0
    other = sharing(model())
    assert one.key != other.key
    names["FACTOR"] = 1.0
    assert sharing(model()) == one
    names["FACTOR"] = keras.Variable(1.0)
    assert sharing(model()) is None  # whose value may change while it trains


def test_own_layers_are_known_to_a_memory_by_their_code_and_attributes():
    def model(scale):
        class Scaled(L.Layer):
            def __init__(self):
                super().__init__()
                self.scale = scale

            def call(self, x):
                return self.scale * x

            def get_config(self):  # which forgets the scale
                return {}

        keras.utils.set_random_seed(0)
        return chain((4,), Scaled(), L.Dense(2))

    one, again, other = model(1.0), model(1.0), model(2.0)
    assert network_digest(one) == network_digest(again) != network_digest(other)

"""One epoch of a program is one epoch of ``Model.fit``, weight for weight."""

import keras
import numpy as np
import pytest

from skrec.networks import (
    PADDING_VALUE,
    Network,
    build_cnn,
    build_deepfm,
    build_mlp,
    build_rnn,
)
from skrec.preprocessing import FieldSpec, SequenceSpec
from skrec.training import make_optimizer
from skrec.training.program import Program
from skrec.training.rows import Data
from skrec.training.state import Rates, State
from tests.night import by_day

N_ROWS, BATCH_SIZE, LEARNING_RATE = 70, 16, 1e-3  # a last batch of 6 rows
N_STEPS = -(-N_ROWS // BATCH_SIZE)
SIZES = {"n_outputs": 3}
FIELDS = FieldSpec((8, 10), (0, 1), n_numbers=2, sequences=(SequenceSpec(1, 4),))

NETWORKS = {
    "cnn-features": Network.of(
        build_cnn, input_shape=(10,), filters=(6,), units=(5,), **SIZES
    ),
    "cnn-sequences": Network.of(
        build_cnn, input_shape=(10, 3), filters=(6, 4), units=(5,), **SIZES
    ),
    "cnn-images": Network.of(
        build_cnn, input_shape=(6, 6, 2), filters=(4,), units=(5,), **SIZES
    ),
    "rnn-gru": Network.of(build_rnn, input_shape=(8, 3), units=(6,), **SIZES),
    "rnn-lstm": Network.of(
        build_rnn, input_shape=(8, 3), units=(5,), cell="lstm", **SIZES
    ),
    "rnn-bidirectional": Network.of(
        build_rnn, input_shape=(8, 3), units=(4,), bidirectional=True, **SIZES
    ),
    "mlp": Network.of(build_mlp, input_shape=(10,), units=(8, 6), **SIZES),
    "cnn-batch_norm": Network.of(
        build_cnn,
        input_shape=(10, 3),
        filters=(6,),
        units=(5,),
        batch_norm=True,
        **SIZES,
    ),
    "mlp-batch_norm": Network.of(
        build_mlp, input_shape=(10,), units=(6,), batch_norm=True, **SIZES
    ),
    "deepfm": Network.of(
        build_deepfm, fields=FIELDS, units=(5,), embedding_dim=3, **SIZES
    ),
}
MLP = NETWORKS["mlp"]


def make_rows(network, seed=0):
    """Return x, y, sample weights; sequences are padded to different lengths."""
    rng = np.random.default_rng(seed)
    if network.builder is build_deepfm:
        x = {
            "ids": rng.integers(8, size=(N_ROWS, 2)).astype("int32"),
            "numbers": rng.normal(size=(N_ROWS, 2)).astype("float32"),
            "sequence_0": rng.integers(10, size=(N_ROWS, 4)).astype("int32"),
        }
    else:
        input_shape = dict(network.options)["input_shape"]
        x = rng.normal(size=(N_ROWS, *input_shape)).astype("float32")
    if network.builder is build_rnn:
        padded = np.arange(input_shape[0]) < rng.integers(5, size=N_ROWS)[:, None]
        x[padded] = PADDING_VALUE
    y = rng.integers(3, size=N_ROWS).astype("int32")
    return x, y, rng.uniform(0.2, 1.8, size=N_ROWS).astype("float32")


def loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def compiled(network, optimizer, **penalties):
    model = network.build(**penalties)
    model.compile(optimizer, loss(), run_eagerly=True)  # a trace would take longer
    return model


def make_program(network=MLP, optimizer="adam", **compile_kwargs):
    kwargs = {"optimizer": make_optimizer(optimizer, 1.0), "loss": loss()}
    return Program(network.build(), {**kwargs, **compile_kwargs}, "/CPU:0")


def predicted_by(program, x):
    return program.predictor.predict(program.model.weights, x)


def rates_of(program, optimizer=None, dropout=0.0, **penalties):
    values = {"dropout": dropout, **penalties}
    return Rates.of(optimizer or program.optimizer, values, program.tuned)


def run_epoch(program, rows, order=None, batch_size=BATCH_SIZE, rates=None, seed=0):
    n_steps = -(-N_ROWS // batch_size)
    return program.train_epoch(
        Data.of(*rows, "/CPU:0"),
        np.arange(N_ROWS) if order is None else order,
        batch_size,
        np.full(n_steps, LEARNING_RATE),
        rates or rates_of(program),
        [np.array([seed, 0], "uint32")] * program.n_seeds,
    )


def assert_epoch_is_keras(network, make, penalties=None):
    """Compare one epoch of both, from the same weights and in the same order."""
    penalties = penalties or {}
    x, y, weight = make_rows(network)
    order = np.random.default_rng(1).permutation(N_ROWS)
    model = compiled(network, make(), **penalties)
    program = Program(network.build(), {"optimizer": make(), "loss": loss()}, "/CPU:0")
    program.load(State(model.get_weights(), program.untrained_optimizer))

    rates = rates_of(program, make(), **penalties)
    logs = run_epoch(program, (x, y, weight), order, rates=rates)
    history = model.fit(
        keras.tree.map_structure(lambda array: array[order], x),
        y[order],
        sample_weight=weight[order],
        batch_size=BATCH_SIZE,
        shuffle=False,
        verbose=0,
    ).history

    for ours, theirs in zip(program.dump(1).weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    slots = zip(program.optimizer.variables, model.optimizer.variables, strict=True)
    for ours, theirs in slots:
        if not ours.name.startswith("learning_rate"):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert logs["loss"] == pytest.approx(history["loss"][0], rel=1e-6, abs=1e-6)
    return program, model


# ---- Model.fit is the reference ------------------------------------------------------


@pytest.mark.parametrize(
    "network",
    by_day(
        [pytest.param(network, id=name) for name, network in NETWORKS.items()],
        *("mlp", "cnn-batch_norm", "rnn-gru", "deepfm"),
    ),
)
def test_an_epoch_of_each_network_is_that_of_keras(network):
    assert_epoch_is_keras(network, lambda: make_optimizer("momentum", LEARNING_RATE))


# By day, with an MLP, below.
@pytest.mark.nightly
@pytest.mark.parametrize("network", ["cnn-sequences", "rnn-gru"])
def test_an_epoch_with_adam_is_that_of_keras(network):
    assert_epoch_is_keras(
        NETWORKS[network], lambda: make_optimizer("adam", LEARNING_RATE)
    )


@pytest.mark.parametrize(
    ("optimizer", "params", "clipnorm"),
    [
        ("sgd", {}, None),
        pytest.param("momentum", {"momentum": 0.7}, None, marks=pytest.mark.nightly),
        pytest.param("nesterov", {}, None, marks=pytest.mark.nightly),
        pytest.param("rmsprop", {"rho": 0.8}, None, marks=pytest.mark.nightly),
        ("rmsprop", {"momentum": 0.5}, None),
        ("adam", {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6}, None),
        ("adamw", {"weight_decay": 0.1}, None),
        ("adagrad", {}, None),
        pytest.param("sgd", {}, 0.02, marks=pytest.mark.nightly),
        pytest.param("adam", {}, 0.02, marks=pytest.mark.nightly),
        pytest.param("sgd", {"weight_decay": 0.1}, None, marks=pytest.mark.nightly),
        pytest.param(
            keras.optimizers.Adam, {"amsgrad": True}, None, marks=pytest.mark.nightly
        ),
        pytest.param(keras.optimizers.Lion, {}, None, marks=pytest.mark.nightly),
        (keras.optimizers.Lion, {}, 0.02),
    ],
    ids=str,
)
def test_an_epoch_with_each_optimizer_is_that_of_keras(optimizer, params, clipnorm):
    assert_epoch_is_keras(
        MLP, lambda: make_optimizer(optimizer, LEARNING_RATE, params, clipnorm)
    )


@pytest.mark.parametrize(
    ("network", "penalties"),
    [
        pytest.param("mlp", {"l1": 0.01}, marks=pytest.mark.nightly),
        pytest.param("mlp", {"l2": 0.02}, marks=pytest.mark.nightly),
        ("cnn-images", {"l1": 0.01, "l2": 0.02}),
        pytest.param(
            "rnn-bidirectional", {"l1": 0.01, "l2": 0.02}, marks=pytest.mark.nightly
        ),
        ("deepfm", {"l2": 0.02, "embedding_l2": 0.03}),
        pytest.param("deepfm", {"embedding_l2": 0.03}, marks=pytest.mark.nightly),
    ],
)
def test_an_epoch_with_penalties_is_that_of_keras(network, penalties):
    # Keras's Adam takes the pieces of an embedding's gradient apart, see the next test.
    kind = "momentum" if network == "deepfm" else "adam"
    assert_epoch_is_keras(
        NETWORKS[network], lambda: make_optimizer(kind, LEARNING_RATE), penalties
    )


def test_adam_squares_the_sum_of_an_embeddings_gradient():
    # One id in all rows: its gradient comes in as many pieces as there are rows.
    network = Network.of(
        build_deepfm, fields=FieldSpec((8,), (0,)), units=(3,), embedding_dim=2, **SIZES
    )
    program = make_program(network)
    program.load(program.initial_state(0))
    before = dict(zip(names(program), program.get_weights(), strict=True))
    x = {"ids": np.full((N_ROWS, 1), 5, "int32")}
    rows = x, np.zeros(N_ROWS, "int32"), np.ones(N_ROWS, "float32")
    run_epoch(program, rows, batch_size=N_ROWS)
    after = dict(zip(names(program), program.get_weights(), strict=True))
    step = np.abs(after["weight_of_0"] - before["weight_of_0"])
    # Adam's first step is the learning rate, whatever the size of the gradient.
    np.testing.assert_allclose(step[5], LEARNING_RATE, rtol=1e-3)
    assert (np.delete(step, 5, axis=0) == 0).all()


def names(program):
    """Return a name of each weight: that of its layer, where it has one weight."""
    return [weight.path.split("/")[-2] for weight in program.model.weights]


def test_outputs_of_rows_on_the_device_are_those_of_predict():
    x, y, weight = make_rows(NETWORKS["deepfm"])
    program = make_program(NETWORKS["deepfm"])
    program.load(program.initial_state(0))
    outputs, targets, weights = program.outputs(Data.of(x, y, weight, "/CPU:0"))
    np.testing.assert_allclose(outputs, predicted_by(program, x), atol=1e-6)
    np.testing.assert_array_equal(targets, y)
    np.testing.assert_array_equal(weights, weight)


@pytest.mark.parametrize("optimizer", ["sgd", keras.optimizers.Lion])
def test_penalties_are_added_before_the_gradient_is_clipped(optimizer):
    assert_epoch_is_keras(
        MLP,
        lambda: make_optimizer(optimizer, LEARNING_RATE, clipnorm=0.05),
        {"l1": 0.05, "l2": 0.5},
    )


def test_metrics_scores_and_predictions_are_those_of_keras():
    x, y, weight = make_rows(MLP)
    model = MLP.build()
    metrics = {"weighted_metrics": ["accuracy"]}
    model.compile("sgd", loss(), run_eagerly=True, **metrics)
    program = make_program(weighted_metrics=["accuracy"])
    program.load(State(model.get_weights(), program.untrained_optimizer))
    scores = program.evaluate(Data.of(x, y, weight, "/CPU:0"), BATCH_SIZE)
    expected = model.evaluate(
        x, y, sample_weight=weight, batch_size=BATCH_SIZE, verbose=0, return_dict=True
    )
    assert scores == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(
        predicted_by(program, x), model.predict(x, verbose=0), atol=1e-6
    )
    logs = run_epoch(program, (x, y, weight))
    assert 0 <= logs["accuracy"] <= 1


def test_half_precision_trains():
    for dtype in ("mixed_float16", "mixed_bfloat16"):
        network = Network.of(
            build_mlp, input_shape=(10,), units=(8,), dtype=dtype, n_outputs=3
        )
        program = make_program(network)
        program.load(program.initial_state(0))
        rows = make_rows(network)
        losses = [run_epoch(program, rows, batch_size=8)["loss"] for _ in range(20)]
        assert losses[-1] < losses[0]
        assert predicted_by(program, rows[0]).dtype == np.float32


# ---- what is an input of the graph, not a part of it ---------------------------------


def test_batch_size_rows_rates_and_penalties_need_no_further_trace():
    program = make_program()
    program.load(program.initial_state(0))
    x, y, weight = make_rows(MLP)
    weights_after = []
    for n_rows, batch_size, dropout, l2, clipnorm, beta_1 in [
        (70, 16, 0.0, 0.0, None, 0.9),
        (70, 16, 0.5, 0.0, None, 0.9),
        (70, 16, 0.0, 0.1, None, 0.9),
        (70, 16, 0.0, 0.0, 0.01, 0.9),
        (70, 16, 0.0, 0.0, None, 0.5),
        (70, 9, 0.0, 0.0, None, 0.9),
        (33, 16, 0.0, 0.0, None, 0.9),
    ]:
        program.load(program.initial_state(0))
        optimizer = make_optimizer("adam", 0.1, {"beta_1": beta_1}, clipnorm)
        program.train_epoch(
            Data.of(x[:n_rows], y[:n_rows], weight[:n_rows], "/CPU:0"),
            np.arange(n_rows),
            batch_size,
            np.full(-(-n_rows // batch_size), 0.01),
            rates_of(program, optimizer, dropout, l2=l2),
            [np.array([1, 0], "uint32")] * program.n_seeds,
        )
        weights_after.append(program.dump(1).weights[0])
    assert program.n_traces == 2  # one without and one with penalties or clipping
    for index, weights in enumerate(weights_after):
        for other in weights_after[index + 1 :]:
            assert np.abs(weights - other).max() > 1e-6


def test_each_step_has_a_learning_rate_of_its_own():
    program = make_program(optimizer="sgd")
    rows = make_rows(MLP)
    state = program.initial_state(0)
    program.load(state)
    rates = np.zeros(N_STEPS)
    arguments = (rates_of(program), [np.zeros(2, "uint32")] * 2)
    data = Data.of(*rows, "/CPU:0")
    program.train_epoch(data, np.arange(N_ROWS), BATCH_SIZE, rates, *arguments)
    np.testing.assert_array_equal(program.dump(1).weights[0], state.weights[0])
    rates[2] = 0.5
    program.train_epoch(data, np.arange(N_ROWS), BATCH_SIZE, rates, *arguments)
    third = make_program(optimizer="sgd")
    third.load(state)
    batch = tuple(array[32:48] for array in rows)
    third.train_epoch(
        Data.of(*batch, "/CPU:0"), np.arange(16), 16, np.array([0.5]), *arguments
    )
    np.testing.assert_allclose(
        program.dump(1).weights[0], third.dump(1).weights[0], atol=1e-7
    )


def test_dropout_follows_its_seed_and_only_in_training():
    program = make_program()
    rows = make_rows(MLP)
    assert program.n_seeds == 2

    def train(seed, rate):
        program.load(program.initial_state(0))
        rates = rates_of(program, dropout=rate)
        run_epoch(program, rows, rates=rates, seed=seed)
        return program.dump(1).weights[0]

    np.testing.assert_array_equal(train(1, 0.5), train(1, 0.5))
    assert np.abs(train(1, 0.5) - train(2, 0.5)).max() > 1e-5
    np.testing.assert_array_equal(train(1, 0.0), train(2, 0.0))
    np.testing.assert_array_equal(
        predicted_by(program, rows[0]), predicted_by(program, rows[0])
    )


# ---- initial weights -----------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS.values(), ids=list(NETWORKS))
def test_initial_weights_depend_on_the_seed_and_on_nothing_else(network):
    first, again = make_program(network), make_program(network)
    one, same = first.initial_state(5).weights, again.initial_state(5).weights
    for ours, theirs in zip(one, same, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    other = first.initial_state(6).weights
    drawn = [w for w in first.model.weights if "kernel" in w.name]
    for weight, ours, theirs in zip(first.model.weights, one, other, strict=True):
        constant = np.ptp(ours) == 0 or weight.name == "bias"  # an LSTM's has ones
        assert constant or np.abs(ours - theirs).max() > 1e-3, weight.path
    assert len(drawn) >= 2


def test_layers_of_one_shape_start_from_different_weights():
    network = Network.of(build_mlp, input_shape=(8,), units=(8, 8), n_outputs=1)
    first, _, second, *_ = make_program(network).initial_state(0).weights
    assert first.shape == second.shape
    assert np.abs(first - second).max() > 0.1


# ---- predicting ----------------------------------------------------------------------


@pytest.mark.parametrize("network", ["mlp", "cnn-sequences", "rnn-gru"])
def test_the_prediction_of_a_row_does_not_depend_on_the_others(network):
    program = make_program(NETWORKS[network])
    program.load(program.initial_state(0))
    x = make_rows(NETWORKS[network])[0]
    many = np.concatenate([x] * 70)  # 4,900 rows: more than one block
    predicted = predicted_by(program, many)
    assert len(predicted) == len(many)
    np.testing.assert_array_equal(predicted[:N_ROWS], predicted[-N_ROWS:])
    for n_rows in (1, 2, 31, 33, 64, 70):
        np.testing.assert_array_equal(
            predicted_by(program, x[:n_rows]), predicted[:n_rows]
        )
    np.testing.assert_array_equal(
        predicted_by(program, x[::-1]), predicted[:N_ROWS][::-1]
    )

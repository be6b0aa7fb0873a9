"""Lazy updates: of the rows of a table that a batch has read, and of no other."""

import keras
import numpy as np
import pytest

from skrec.networks import Network, build_deepfm
from skrec.preprocessing import FieldSpec, SequenceSpec
from skrec.training import make_optimizer
from skrec.training.program import Program
from skrec.training.rows import Data
from skrec.training.state import Rates
from tests.night import by_day

N_IDS, DIM, RATE = 12, 3, 0.05
FIELDS = FieldSpec((N_IDS,), (0,), sequences=(SequenceSpec(0, 4),))
NETWORK = Network.of(
    build_deepfm, fields=FIELDS, units=(5,), embedding_dim=DIM, n_outputs=1
)
# Batches of codes: one of each row, and a list. The ids from 9 on are in none of them.
BATCHES = [
    {"ids": [[2], [3]], "sequence_0": [[2, 4, 4, 2], [5, 0, 0, 0]]},
    {"ids": [[2], [2]], "sequence_0": [[6, 7, 0, 0], [6, 6, 6, 0]]},
    {"ids": [[8], [3]], "sequence_0": [[2, 0, 0, 0], [8, 4, 0, 0]]},
]


def make_program(optimizer, params=None, clipnorm=None, lazy_from=0):
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    made = make_optimizer(optimizer, RATE, params, clipnorm)
    kwargs = {"optimizer": made, "loss": loss}
    program = Program(NETWORK.build(), kwargs, "/CPU:0", lazy_from=lazy_from)
    program.load(program.initial_state(0))
    return program


def step(program, batch, **penalties):
    """Train on one batch."""
    x = {name: np.array(codes, "int32") for name, codes in BATCHES[batch].items()}
    y = np.array([[1.0], [0.0]], "float32")
    values = {**dict.fromkeys(program.tuned, 0.0), **penalties}
    rates = Rates.of(program.optimizer, values, program.tuned)
    data = Data.of(x, y, np.ones(2, "float32"), "/CPU:0")
    seeds = [np.array([0, 0], "uint32")] * program.n_seeds
    return program.train_epoch(data, np.arange(2), 2, np.array([RATE]), rates, seeds)


def codes_of(batch):
    return np.unique(np.concatenate([np.ravel(c) for c in BATCHES[batch].values()]))


def tables_of(program):
    """Return the position of each table among the weights."""
    weights = program.model.weights
    return [k for k, weight in enumerate(weights) if weight.name == "embeddings"]


def slots_of_tables(program):
    """Return all optimizer variables that have a row for each id."""
    values = [variable.numpy() for variable in program.optimizer.variables]
    return [value for value in values if value.ndim == 2 and len(value) == N_IDS]


@pytest.mark.parametrize(
    ("optimizer", "params", "clipnorm"),
    [
        ("sgd", {}, None),
        pytest.param("sgd", {}, 0.01, marks=pytest.mark.nightly),
        pytest.param("momentum", {"momentum": 0.7}, None, marks=pytest.mark.nightly),
        pytest.param("nesterov", {}, None, marks=pytest.mark.nightly),
        pytest.param("rmsprop", {"rho": 0.8}, None, marks=pytest.mark.nightly),
        pytest.param("rmsprop", {"momentum": 0.5}, None, marks=pytest.mark.nightly),
        pytest.param("adam", {}, None, marks=pytest.mark.nightly),
        ("adam", {"beta_1": 0.8, "epsilon": 1e-3}, 0.01),
        pytest.param("adamw", {"weight_decay": 0.1}, None, marks=pytest.mark.nightly),
        pytest.param("adagrad", {}, None, marks=pytest.mark.nightly),
    ],
    ids=str,
)
def test_rows_of_the_batch_do_the_dense_step_and_others_stay(
    optimizer, params, clipnorm
):
    program = make_program(optimizer, params, clipnorm)
    dense = make_program(optimizer, params, clipnorm, lazy_from=None)
    for batch in (0, 1, 2):  # the second and third meet slots that are not zero
        before, slots_before = program.dump(0), slots_of_tables(program)
        dense.load(before)
        step(dense, batch)
        step(program, batch)

        read = codes_of(batch)
        others = np.setdiff1d(np.arange(N_IDS), read)
        tables = tables_of(program)
        assert len(tables) == 2  # vectors, and weights of the linear part
        ours, theirs = program.get_weights(), dense.get_weights()
        for k in range(len(ours)):
            rows = read if k in tables else slice(None)
            np.testing.assert_allclose(ours[k][rows], theirs[k][rows], atol=1e-7)
        for k in tables:
            np.testing.assert_array_equal(ours[k][others], before.weights[k][others])
        triples = zip(
            slots_of_tables(program), slots_of_tables(dense), slots_before, strict=True
        )
        for mine, of_dense, old in triples:
            np.testing.assert_allclose(mine[read], of_dense[read], atol=1e-7)
            np.testing.assert_array_equal(mine[others], old[others])


@pytest.mark.parametrize("optimizer", by_day(["sgd", "adagrad"], "adagrad"))
def test_without_moments_lazy_is_dense(optimizer):
    lazy, dense = make_program(optimizer), make_program(optimizer, lazy_from=None)
    for batch in (0, 1, 2, 0):
        step(lazy, batch)
        step(dense, batch)
    for ours, theirs in zip(lazy.get_weights(), dense.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_penalty_is_on_the_rows_of_the_batch():
    factor = 0.3
    program = make_program("sgd")
    plain = make_program("sgd")
    before = program.dump(0)
    table = tables_of(program)[-1]
    logs = step(program, 0, embedding_l2=factor)
    loss = step(plain, 0)["loss"]

    read = codes_of(0)
    penalty = sum(np.square(before.weights[k][read]).sum() for k in tables_of(program))
    assert logs["loss"] == pytest.approx(loss + factor * penalty, rel=1e-5)
    moved = program.get_weights()[table] - plain.get_weights()[table]
    expected = np.zeros_like(moved)
    expected[read] = -RATE * 2 * factor * before.weights[table][read]
    np.testing.assert_allclose(moved, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("optimizer", "lazy_from", "lazy"),
    [
        pytest.param("adam", 0, True, marks=pytest.mark.nightly),
        ("adam", N_IDS, True),
        ("adam", N_IDS + 1, False),
        pytest.param("adam", None, False, marks=pytest.mark.nightly),
        (keras.optimizers.Nadam, 0, False),
    ],
)
def test_tables_from_a_size_on_are_lazy(optimizer, lazy_from, lazy):
    program = make_program(optimizer, lazy_from=lazy_from)
    assert program.is_lazy == lazy
    step(program, 0)
    before = program.get_weights()
    step(program, 1)
    absent = np.setdiff1d(codes_of(0), codes_of(1))
    moved = program.get_weights()
    for k in tables_of(program):
        stays = np.array_equal(before[k][absent], moved[k][absent])
        assert stays == lazy


def test_a_table_is_neither_read_nor_written_as_a_whole():
    program = make_program("adam")
    step(program, 0, embedding_l2=0.1)
    for graph in [run.graph for run in program._graphs.values()]:
        parts = [graph, *(f.graph for f in graph._functions.values())]
        whole = [
            operation.name
            for part in parts
            for operation in part.get_operations()
            for output in operation.outputs
            if operation.type != "ResourceGather"
            and output.shape.rank == 2
            and output.shape[0] == N_IDS
        ]
        assert not whole


def test_predictions_are_those_of_keras():
    program = make_program("adam")
    for batch in (0, 1, 2):
        step(program, batch)
    model = NETWORK.build()
    model.set_weights(program.get_weights())
    x = {name: np.array(codes, "int32") for name, codes in BATCHES[2].items()}
    found = program.predictor.predict(program.get_weights(), x)
    np.testing.assert_allclose(found, model(x), atol=1e-6)

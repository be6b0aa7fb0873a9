"""Self-attention on sequences of every length, against NumPy on one at a time."""

import numpy as np
import pytest
import tensorflow as tf

from skrec.networks import build_sasrec
from skrec.networks._steps import ByLength, FromGroups, Pack
from tests.networks.step_rows import N_ITEMS, histories

UNITS = 8


def norm(x):
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-8)
    return (x - x.mean(axis=-1, keepdims=True)) / spread


def last_state(model, codes, num_heads):
    """Return the last state of one sequence, step by step and head by head."""

    def dense(name, x):
        kernel, bias = model.get_layer(name).get_weights()
        return x @ kernel + bias

    there = np.flatnonzero(codes >= 0)
    if not len(there):
        return np.zeros(UNITS)
    x = model.get_layer("items").get_weights()[0][codes[there]] * UNITS**0.5
    x = x + model.get_layer("positions").get_weights()[0][there]
    for k in range(2):
        normed = norm(x)
        parts = (
            dense(f"query_{k}", normed),
            dense(f"key_{k}", x),
            dense(f"value_{k}", x),
        )
        said = np.empty_like(x)
        for head in np.split(np.arange(UNITS), num_heads):
            query, key, value = (part[:, head] for part in parts)
            for step in range(len(x)):
                shares = np.exp(key[: step + 1] @ query[step] / len(head) ** 0.5)
                said[step, head] = shares / shares.sum() @ value[: step + 1]
        normed = norm(normed + dense(f"said_{k}", said))
        hidden = np.maximum(dense(f"inner_{k}", normed), 0)
        x = normed + dense(f"outer_{k}", hidden)
    return norm(x)[-1] if codes[-1] >= 0 else np.zeros(UNITS)


@pytest.mark.parametrize(("length", "num_heads"), [(2, 1), (20, 2)])
def test_states_are_those_of_each_sequence_alone(length, num_heads):
    model = build_sasrec(
        n_rows=N_ITEMS, length=length, units=UNITS, num_heads=num_heads, dtype="float64"
    )
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        if not weight.path.split("/")[-1].startswith(("gamma", "beta")):
            weight.assign(rng.normal(size=weight.shape) / 2)
    codes = histories(length)
    inputs = {"history": codes, "target": codes, "weight": np.ones(codes.shape)}
    found = model({k: tf.constant(v) for k, v in inputs.items()}).numpy()[:, 1:]
    expected = [last_state(model, row, num_heads) for row in codes]
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("spare", [False, True])
@pytest.mark.parametrize(
    "codes", [histories(20), histories(8)[:0], histories(3) * 0 - 1]
)
def test_steps_come_back_from_their_groups(codes, spare):
    history = tf.constant(codes)
    packed = Pack()(tf.random.normal((*codes.shape, 3)), history)
    *groups, back = ByLength(codes.shape[1], has_spare_row=spare)(history)
    if spare:
        assert all((group[-1] == len(packed) - 1).numpy().all() for group in groups)
    assert [group.shape[1] for group in groups] == {20: [8, 16, 20]}.get(
        codes.shape[1], [codes.shape[1]]
    )
    vectors = [tf.gather(packed, places) for places in groups]
    again = FromGroups()(vectors, back)
    np.testing.assert_array_equal(again[:-1], packed[:-1])
    np.testing.assert_array_equal(again[-1], np.zeros(3))

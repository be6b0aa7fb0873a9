"""The loss of the table of items, against what it stands for."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax, softmax

from skrec.networks import _items
from skrec.networks._items import ItemTable

N_ITEMS, N_ROWS, DIM = 11, 16, 4


def made(loss="softmax", **options):
    table = ItemTable(N_ROWS, DIM, n_items=N_ITEMS, loss=loss, **options)
    table.build()
    rng = np.random.default_rng(0)
    table.embeddings.assign(rng.normal(size=(N_ROWS, DIM)))
    states = tf.constant(rng.normal(size=(3, 5, DIM)), tf.float32)
    targets = rng.integers(0, N_ITEMS, (3, 5)).astype("int32")
    targets[0, :3] = targets[2] = -1
    weights = rng.random((3, 5)).astype("float32")
    return table, states, tf.constant(targets), tf.constant(weights)


def by_hand(table, states, targets, weights, bias=0.0):
    scores = states @ np.asarray(table.embeddings)[:N_ITEMS].T + bias
    there = targets >= 0
    own = np.take_along_axis(
        log_softmax(scores, axis=-1), np.maximum(targets, 0)[..., None], axis=-1
    )[..., 0]
    return -(own * weights)[there].sum() / there.sum()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("chunk", [1, 2**21])
def test_softmax_is_the_weighted_cross_entropy(training, has_bias, chunk, monkeypatch):
    monkeypatch.setattr(_items, "CHUNK_FLOATS", chunk)
    table, *given = made(has_bias=has_bias)
    bias = 0.0
    if has_bias:
        table.bias.assign(np.arange(N_ROWS) / 7)
        bias = np.arange(N_ITEMS) / 7
    loss = table(*given, training=training)
    assert loss.shape == (3, 1)
    expected = by_hand(table, *(part.numpy() for part in given), bias)
    np.testing.assert_allclose(loss, np.full((3, 1), expected), rtol=1e-5)


@pytest.mark.parametrize("chunk", [1, 40, 2**21])
def test_its_gradient_is_that_of_tensorflow(chunk, monkeypatch):
    monkeypatch.setattr(_items, "CHUNK_FLOATS", chunk)
    table, states, targets, weights = made()

    def gradients(training):
        with tf.GradientTape() as tape:
            tape.watch(states)
            loss = tf.reduce_mean(table(states, targets, weights, training=training))
        return tape.gradient(loss, [states, table.embeddings.value])

    for own, theirs in zip(gradients(True), gradients(False), strict=True):
        own, theirs = map(tf.convert_to_tensor, (own, theirs))
        np.testing.assert_allclose(own, theirs, atol=1e-6)
        assert np.abs(theirs).max() > 0.01
    assert not np.any(tf.convert_to_tensor(gradients(True)[1])[N_ITEMS:])


def test_very_unlikely_targets_have_a_finite_loss():
    table, states, targets, weights = made()
    table.embeddings.assign(np.asarray(table.embeddings) * 500)
    loss = table(states, targets, weights, training=True)
    expected = by_hand(table, states.numpy(), targets.numpy(), weights.numpy())
    assert expected > 100
    np.testing.assert_allclose(loss[0, 0], expected, rtol=1e-5)


def test_without_targets_the_loss_is_zero():
    table, states, _targets, weights = made()
    for training in (False, True):
        loss = table(states, tf.fill([3, 5], -1), weights, training=training)
        np.testing.assert_array_equal(loss, np.zeros((3, 1)))


def test_padding_is_a_vector_of_zeros():
    table, *_ = made()
    vectors = table(tf.constant([[-1, 2]]))
    np.testing.assert_array_equal(vectors[0, 0], np.zeros(DIM))
    np.testing.assert_array_equal(vectors[0, 1], table.embeddings[2])


def test_losses_against_drawn_items():
    rng = np.random.default_rng(1)
    right = rng.normal(size=3)
    wrong = rng.normal(size=(3, 4))
    hit = np.zeros((3, 4), dtype=bool)
    hit[1, 2] = True
    args = tf.constant(right), tf.constant(wrong), tf.constant(hit), tf.constant(9)
    kept = np.where(hit, -np.inf, wrong)
    scores = np.hstack([right[:, None], kept])
    found = _items._sampled_softmax(*args)
    np.testing.assert_allclose(found, -log_softmax(scores, axis=1)[:, 0])
    no = np.where(hit, 0, -np.log(expit(-wrong)))
    found = _items._bce(*args)
    np.testing.assert_allclose(found, -np.log(expit(right)) + no.mean(axis=1))
    alpha = 4 / 8
    beta = alpha * (0.75 * (1 - 1 / alpha) + 1 / alpha)
    found = _items._gbce(*args)
    np.testing.assert_allclose(found, -beta * np.log(expit(right)) + no.sum(axis=1))
    likely = softmax(kept, axis=1)
    better = (likely * expit(right[:, None] - wrong)).sum(axis=1)
    found = _items._bpr_max(*args)
    size = (likely * wrong**2).sum(axis=1)
    np.testing.assert_allclose(found, -np.log(better) + size, rtol=1e-6)


@pytest.mark.parametrize("loss", _items.LOSSES[1:])
def test_drawn_items_are_known_ones(loss):
    table, states, targets, weights = made(loss, n_negatives=500)
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(table(states, targets, weights, training=True))
    gradient = tape.gradient(value, table.embeddings.value)
    touched = np.unique(gradient.indices)
    assert touched.tolist() == list(range(N_ITEMS))  # all, and no row of no item

"""Networks on pairs of a user and an item: their losses by hand."""

import numpy as np
import pytest

from skrec.networks import build_bpr, build_two_tower
from skrec.preprocessing import FieldSpec

RNG = np.random.default_rng(0)
CODES = {
    "user": np.array([[0], [2], [1]]),
    "item": np.array([[3], [0], [3]]),
    "negative": np.array([[1, 2], [4, 4], [0, 1]]),
}


def with_random_weights(model):
    model.set_weights([RNG.normal(0, 0.5, w.shape) for w in model.weights])
    return {weight.path: weight.numpy() for weight in model.weights}


@pytest.mark.parametrize("training", [False, True])
def test_bpr(training):
    model = build_bpr(
        n_rows=5,
        n_user_rows=3,
        embedding_dim=4,
        n_negatives=2,
        dtype="float64",
        vector_l2=0.3,
    )
    weights = with_random_weights(model)
    users = weights["users/embeddings"][CODES["user"][:, 0]]
    items = np.concatenate([CODES["item"], CODES["negative"]], axis=1)
    vectors = weights["items/embeddings"][items]
    scores = np.einsum("bd,bnd->bn", users, vectors)
    scores += weights["item_bias/embeddings"][items, 0]
    expected = np.logaddexp(0, scores[:, 1:] - scores[:, :1]).mean(axis=1)
    if training:  # Rendle's penalty, of each event's own vectors
        squares = (vectors**2).sum(axis=2)
        own = (users**2).sum(axis=1) + squares[:, 0] + squares[:, 1:].mean(axis=1)
        expected += 0.3 * own
    found = model(CODES, training=training)
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-12)


def test_two_tower_loss_is_corrected_and_masks_the_same_item():
    model = build_two_tower(
        n_rows=5, n_user_rows=3, units=(6, 4), dtype="float64", temperature=0.2
    )
    with_random_weights(model)
    share = np.array([[0.5], [0.25], [0.5]])
    rows = {"user": CODES["user"], "item": CODES["item"], "share": share}
    outputs = model(rows).numpy()
    users, items = outputs[:, 1:5], outputs[:, 5:]
    np.testing.assert_allclose(np.linalg.norm(outputs[:, 1:5], axis=1), 1)
    np.testing.assert_allclose(items[0], items[2])
    scores = np.exp(users @ items.T / 0.2) / share.T
    scores[0, 2] = scores[2, 0] = 0  # rows 0 and 2 have the same item
    expected = -np.log(np.diag(scores) / scores.sum(axis=1))
    np.testing.assert_allclose(outputs[:, 0], expected, rtol=1e-12)
    # A row that is no event has vectors, and is not compared with.
    asked = model(rows | {"share": share * [[1], [1], [0]]}).numpy()
    np.testing.assert_allclose(asked[:, 1:], outputs[:, 1:], rtol=1e-12)
    scores = scores[:2, :2]
    expected = [*-np.log(np.diag(scores) / scores.sum(axis=1)), 0]
    np.testing.assert_allclose(asked[:, 0], expected, rtol=1e-12)


def test_two_tower_reads_features_of_either_side():
    fields = FieldSpec(tables=(6,), ids=(0,), n_numbers=1)
    model = build_two_tower(
        n_rows=5, n_user_rows=3, units=(6, 4), item_fields=fields, unknown_share=0.5
    )
    with_random_weights(model)
    rows = {"user": CODES["user"], "item": CODES["item"], "share": np.ones((3, 1))}
    rows |= {"item_ids": np.array([[2], [2], [3]]), "item_numbers": np.ones((3, 1))}
    users, items = np.split(model(rows).numpy()[:, 1:], 2, axis=1)
    changed = rows | {"item_ids": np.array([[4], [2], [3]])}
    users_then, items_then = np.split(model(changed).numpy()[:, 1:], 2, axis=1)
    np.testing.assert_array_equal(users, users_then)
    assert (np.abs(items - items_then).max(axis=1) > 1e-3).tolist() == [
        True,
        *[False] * 2,
    ]

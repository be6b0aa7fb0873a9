"""The best of many, in blocks, against a sort of everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec.recommenders._ranking import best_of, product_scorer, top_n


@settings(max_examples=40, deadline=None)
@given(
    n_rows=st.integers(1, 5),
    n_items=st.integers(1, 900),
    n=st.integers(1, 12),
    n_values=st.integers(1, 50),
    seed=st.integers(0, 9),
)
def test_best_of_is_a_stable_sort(n_rows, n_items, n, n_values, seed):
    n = min(n, n_items)
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, n_values, (n_rows, n_items)).astype(float)
    scores[rng.random(scores.shape) < 0.2] = -np.inf
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    np.testing.assert_array_equal(best_of(scores, n), expected)


@pytest.mark.parametrize("shape", [(16, 700), (64, 128), (400, 90), (1, 3)])
def test_others_and_threads_change_nothing(monkeypatch, shape):
    dim, n_items = shape
    rng = np.random.default_rng(0)
    users = rng.normal(size=(301, dim)).astype(np.float32)
    items = rng.normal(size=(n_items, dim)).astype(np.float32)

    def ranked(rows, n=5):
        return top_n(product_scorer(users[rows], items), len(users[rows]), n_items, n)

    whole = ranked(slice(None))
    for rows in (slice(0, 1), slice(7, 8), slice(40, 71), slice(100, 197)):
        for one, other in zip(ranked(rows), whole, strict=True):
            np.testing.assert_array_equal(one, other[rows])
    monkeypatch.setattr("skrec.recommenders._ranking.cpu_count", lambda: 1)
    np.testing.assert_array_equal(ranked(slice(None))[1], whole[1])

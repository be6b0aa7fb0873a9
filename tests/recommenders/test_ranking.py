"""The best of many, in blocks, against a sort of everything."""

import numpy as np
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


def test_blocks_and_threads_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    users = rng.normal(size=(301, 16)).astype(np.float32)
    items = rng.normal(size=(700, 16)).astype(np.float32)
    scorer = product_scorer(users, items)
    whole = top_n(scorer, 301, 700, 5)
    monkeypatch.setattr("skrec.recommenders._ranking.BLOCK_BYTES", 1)
    in_blocks = top_n(scorer, 301, 700, 5)
    for one, other in zip(whole, in_blocks, strict=True):
        np.testing.assert_array_equal(one, other)
    monkeypatch.setattr("skrec.recommenders._ranking.cpu_count", lambda: 1)
    np.testing.assert_array_equal(top_n(scorer, 301, 700, 5)[0], whole[0])

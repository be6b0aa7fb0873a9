"""What the peers' processes share with skrec's: events, and the score to choose by."""

from typing import Any, NamedTuple

import numpy as np

# Pairs of a user's code and an item's, in the order of time: "train" and "valid", and
# "known", which is both; "shape" counts the codes.
Parts = dict[str, Any]


def ndcg(ranked: np.ndarray, relevant: np.ndarray) -> float:
    """Return the mean over users with relevant items; row k is ranked for user k."""
    base = max(ranked.max(), relevant[:, 1].max()) + 1
    users = np.arange(len(ranked))[:, np.newaxis]
    is_hit = np.isin(users * base + ranked, relevant @ [base, 1]) & (ranked >= 0)
    weights = 1 / np.log2(np.arange(ranked.shape[1]) + 2)
    n_relevant = np.bincount(relevant[:, 0], minlength=len(ranked))
    best = np.cumsum(weights)[np.minimum(n_relevant, len(weights)) - 1]
    return float(((is_hit @ weights) / best)[n_relevant > 0].mean())


class RankSizes(NamedTuple):
    """How much is ranked in rank_speed.py."""

    n_users: int
    n_items: int
    n_factors: int
    n_seen: int  # items of each user, about


def draw_events(sizes: RankSizes, seed: int) -> np.ndarray:
    """Draw events of users and items, each of which has one at least."""
    rng = np.random.default_rng(seed)
    n_events = sizes.n_users * sizes.n_seen
    users = np.arange(n_events) % sizes.n_users
    items = rng.integers(sizes.n_items, size=n_events)
    items[: sizes.n_items] = rng.permutation(sizes.n_items)
    return np.unique(np.column_stack([users, items]), axis=0)


def draw_factors(sizes: RankSizes, seed: int) -> list[np.ndarray]:
    """Draw vectors of users and of items."""
    rng = np.random.default_rng(seed)
    return [
        rng.normal(size=(count, sizes.n_factors)).astype(np.float32)
        for count in (sizes.n_users, sizes.n_items)
    ]

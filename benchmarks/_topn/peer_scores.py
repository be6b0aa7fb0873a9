"""What the peers' processes share: the form of events, and the score to choose by."""

from typing import Any

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

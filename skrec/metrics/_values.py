"""Metrics of relevance, from hits to one value for each user."""

from collections.abc import Callable

import numpy as np

from skrec.metrics._lists import Lists


def _hits(lists: Lists, k: int) -> np.ndarray:
    """Count each user's hits."""
    return np.bincount(lists.top(k)[0], minlength=len(lists.users))


def _ndcg(lists: Lists, k: int) -> np.ndarray:
    """Add the discounted hits up, and divide by what the best list would have.

    Both sums take their terms from one table and in one order, that of the ranks, so
    that the perfect list has exactly 1 and none has more.
    """
    user, rank = lists.top(k)
    best = np.minimum(lists.n_relevant, k)
    longest = max(best.max(), rank.max(initial=1))
    discounts = 1 / np.log2(np.arange(2, longest + 2))
    gain = np.bincount(user, discounts[rank - 1], minlength=len(lists.users))
    return gain / np.cumsum(discounts)[best - 1]


def _recall(lists: Lists, k: int) -> np.ndarray:
    return _hits(lists, k) / lists.n_relevant


def _precision(lists: Lists, k: int) -> np.ndarray:
    return _hits(lists, k) / k


def _hit_rate(lists: Lists, k: int) -> np.ndarray:
    return (_hits(lists, k) > 0).astype(np.float64)


def _map(lists: Lists, k: int) -> np.ndarray:
    """Average the precision at each hit; a relevant item that is missed has 0."""
    user, rank = lists.top(k)
    n_hits = np.bincount(user, minlength=len(lists.users))
    before = np.repeat(np.cumsum(n_hits) - n_hits, n_hits)
    precision = (np.arange(len(user)) - before + 1) / rank
    total = np.bincount(user, precision, minlength=len(lists.users))
    return total / lists.n_relevant


def _mrr(lists: Lists, k: int) -> np.ndarray:
    """Take one over the rank of the first hit."""
    user, rank = lists.top(k)
    values = np.zeros(len(lists.users))
    who, first = np.unique(user, return_index=True)
    values[who] = 1 / rank[first]
    return values


PER_USER: dict[str, Callable[[Lists, int], np.ndarray]] = {
    "ndcg": _ndcg,
    "recall": _recall,
    "precision": _precision,
    "hit_rate": _hit_rate,
    "map": _map,
    "mrr": _mrr,
}

"""The best items of each user: scores in blocks, and no more than a block at a time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from joblib import cpu_count
from scipy import sparse

# Users that are scored at once: always this many, a multiple of what the kernels of
# matrix products take at once on any processor, so that a user's scores do not depend
# on who else is asked about. The scores of so many fit into a cache.
ROWS = 48
# Columns that are looked at as one for a first guess.
GROUP = 64

Scorer = Callable[[slice], np.ndarray]


def blocks(n_rows: int) -> Iterator[slice]:
    """Cut rows into blocks whose scores take little memory.

    Parameters
    ----------
    n_rows : int
        Rows in all.

    Yields
    ------
    slice
        Rows of a block.
    """
    for start in range(0, n_rows, ROWS):
        yield slice(start, min(start + ROWS, n_rows))


def padded(rows: np.ndarray) -> np.ndarray:
    """Fill up what may be the last block.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, dim)
        Vectors.

    Returns
    -------
    ndarray of shape (max(n_rows, ROWS), dim)
        With rows of zeros at the end.
    """
    missing = ROWS - len(rows)
    return rows if missing <= 0 else np.pad(rows, ((0, missing), (0, 0)))


def product(left: np.ndarray, right: np.ndarray | tf.Tensor) -> np.ndarray:
    """Multiply matrices, each row of the first in the same way.

    OpenBLAS, behind NumPy, adds up the products of a row in an order that depends on
    where the row stands, on processors without AVX-512.

    Parameters
    ----------
    left : ndarray of shape (n_rows, dim)
        Vectors, :data:`ROWS` of them or a multiple.
    right : ndarray or tensor of shape (dim, n_columns)
        What they are multiplied by, in the same dtype.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        The product.
    """
    with tf.device("/CPU:0"):
        return tf.linalg.matmul(tf.constant(left), right).numpy()


@dataclass
class Products:
    """Scores that are products of vectors.

    Parameters
    ----------
    users : ndarray of shape (n_users, dim)
        Vectors of users.
    by_item : tensor of shape (dim, n_items)
        Vectors of items.
    """

    users: np.ndarray
    by_item: tf.Tensor

    def __call__(self, rows: slice) -> np.ndarray:
        """Return the scores of all items for some users."""
        some = self.users[rows]
        return product(padded(some), self.by_item)[: len(some)]


def product_scorer(
    users: np.ndarray, items: np.ndarray, bias: np.ndarray | None = None
) -> Products:
    """Score by products of vectors.

    Parameters
    ----------
    users : ndarray of shape (n_users, dim)
        Vectors of users.
    items : ndarray of shape (n_items, dim)
        Vectors of items.
    bias : ndarray of shape (n_items,), default=None
        What is added to the scores of each.

    Returns
    -------
    Products
        From rows of users to scores of all items.
    """
    if bias is not None:
        ones = np.ones((len(users), 1), users.dtype)
        users, items = np.hstack([users, ones]), np.hstack([items, bias[:, None]])
    dtype = np.result_type(users, items)
    with tf.device("/CPU:0"):
        return Products(users.astype(dtype), tf.constant(items.T, dtype))


def cosine_scorer(vectors: np.ndarray, items: np.ndarray) -> Scorer:
    """Score all items by their cosine with some.

    Parameters
    ----------
    vectors : ndarray of shape (n_items, dim)
        Vectors of all items.
    items : ndarray of int of shape (n_rows,)
        Positions of some.

    Returns
    -------
    callable
        From rows of these to scores of all items; 0 where a vector is.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(norms, np.finfo(vectors.dtype).tiny)
    return product_scorer(unit[items], unit)


def hide(scores: np.ndarray, seen: sparse.csr_matrix, rows: slice) -> None:
    """Give items that are not to be recommended the score -inf.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_items)
        Scores of some users, which are overwritten.
    seen : csr_matrix of shape (n_users, n_items)
        What all users have seen.
    rows : slice
        Which of the users these are.
    """
    bounds = seen.indptr[rows.start : rows.stop + 1]
    own = np.repeat(np.arange(len(scores)), np.diff(bounds))
    scores[own, seen.indices[bounds[0] : bounds[-1]]] = -np.inf


def top_n(
    scorer: Scorer, n_rows: int, n_items: int, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find the best items of each row.

    Parameters
    ----------
    scorer : callable
        From a slice of rows to scores of shape (rows, n_items), -inf for what is not to
        be recommended; the array is overwritten.
    n_rows, n_items : int
        Shape of all scores.
    n : int
        How many.

    Returns
    -------
    items : ndarray of int of shape (n_rows, min(n, n_items))
        Positions, best first; of equal scores the first position first.
    scores : ndarray of shape (n_rows, min(n, n_items))
        Their scores.
    """
    n = min(n, n_items)
    items = np.empty((n_rows, n), dtype=np.int64)
    found = np.empty((n_rows, n), dtype=np.float64)

    def fill(rows: slice) -> None:
        scores = scorer(rows)
        items[rows] = best = best_of(scores, n)
        found[rows] = np.take_along_axis(scores, best, axis=1)

    in_blocks(fill, n_rows)
    return items, found


def in_blocks(fill: Callable[[slice], None], n_rows: int) -> None:
    """Call a function on each block of rows: a thread for each processor.

    What comes behind the products has only one of its own.

    Parameters
    ----------
    fill : callable
        Takes a slice of rows.
    n_rows : int
        Rows in all.
    """
    parts = list(blocks(n_rows))
    n_threads = max(1, min(len(parts), cpu_count()))
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(fill, parts))


def best_of(scores: np.ndarray, n: int) -> np.ndarray:
    """Return the positions of the largest scores of each row, the largest first.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_items)
        Scores without NaN.
    n : int
        How many, at most `n_items`.

    Returns
    -------
    ndarray of int of shape (n_rows, n)
        Positions; of equal scores the first position first.
    """
    n_rows, n_items = scores.shape
    n_groups = n_items // GROUP
    if n_groups < 4 * n:
        return _sorted(scores, n)
    # The n largest of all groups' maxima are n scores: none of the best is below them.
    # A group is every n_groups-th column, so that maxima are those of whole vectors.
    n_whole = n_groups * GROUP
    whole = scores[:, :n_whole].reshape(n_rows, GROUP, n_groups)
    maxima = whole.max(axis=1)
    bounds = np.partition(maxima, n_groups - n, axis=1)[:, n_groups - n, None]
    is_near = maxima >= bounds
    has_ties = is_near.sum(axis=1) > 4 * n
    is_near[has_ties] = False
    rows, groups = np.nonzero(is_near)
    near = whole[rows, :, groups]
    found, place = np.nonzero(near >= bounds[rows])
    last_rows, last = np.nonzero((scores[:, n_whole:] >= bounds) & ~has_ties[:, None])
    rows = np.concatenate([rows[found], last_rows])
    items = np.concatenate([place * n_groups + groups[found], n_whole + last])
    order = np.lexsort((items, -scores[rows, items], rows))
    first = np.searchsorted(rows[order], np.flatnonzero(~has_ties))
    best = np.empty((n_rows, n), dtype=np.int64)
    best[~has_ties] = items[order][first[:, None] + np.arange(n)]
    best[has_ties] = _sorted(scores[has_ties], n)
    return best


def _sorted(scores: np.ndarray, n: int) -> np.ndarray:
    """Return the positions of the largest scores by a full, stable sort."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :n]


def values_at(
    scorer: Callable[[slice], np.ndarray],
    n_rows: int,
    n_items: int,
    rows: np.ndarray,
    items: np.ndarray,
) -> np.ndarray:
    """Look up the scores of pairs.

    Parameters
    ----------
    scorer : callable
        From a slice of rows to scores, or several values, of all items.
    n_rows, n_items : int
        Shape of all scores.
    rows, items : ndarray of int of shape (n_pairs,)
        Positions.

    Returns
    -------
    ndarray of float64 of shape (n_pairs, ...)
        Scores.
    """
    by_row = np.argsort(rows, kind="stable")
    bounds = np.searchsorted(rows[by_row], np.arange(n_rows + 1))
    parts = []
    for block in blocks(n_rows):
        these = by_row[bounds[block.start] : bounds[block.stop]]
        parts.append(scorer(block)[rows[these] - block.start, items[these]])
    values = np.concatenate(parts).astype(np.float64)
    values[by_row] = values.copy()
    return values


def unseen_ranks(scores: np.ndarray, seen: sparse.csr_matrix) -> np.ndarray:
    """Rank each item among those that users have not seen.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_items)
        Scores.
    seen : csr_matrix of shape (n_rows, n_items)
        What users have seen.

    Returns
    -------
    ndarray of int of shape (n_rows, n_items)
        1 more than the number of unseen items above it; of equal scores the first
        position is above.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    unseen = np.ones(scores.shape, dtype=np.int64)
    unseen[seen.nonzero()] = 0
    in_order = np.take_along_axis(unseen, order, axis=1)
    above = np.cumsum(in_order, axis=1) - in_order
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, above + 1, axis=1)
    return ranks

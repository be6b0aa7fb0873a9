"""The nearest neighbours of each item, by the users that they share."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse

from skrec._docs import with_fitted_docs
from skrec._sklearn import Interval
from skrec.estimators._declared import param, with_parameters
from skrec.preprocessing._interactions import Log
from skrec.recommenders._histories import Histories
from skrec.recommenders._ranking import Scorer, best_of
from skrec.recommenders.base import ClosedFormRecommender

# Rows of similarities that are computed at a time, dense.
BLOCK_BYTES = 2**25


@with_fitted_docs
@with_parameters
class ItemKNNRecommender(ClosedFormRecommender):
    """Recommend what is similar to the items that a user has: nearest neighbours.

    Two items are similar if the same users have them: the cosine of their columns in
    the matrix of users and items [1]_. It is fast, needs little memory, and is hard to
    beat where users have few events.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s
    similarities_ : csr_matrix of shape (n_items, n_items)
        Of each item, by row, those to its nearest neighbours.

    References
    ----------
    .. [1] B. Sarwar, G. Karypis, J. Konstan and J. Riedl, "Item-based collaborative
       filtering recommendation algorithms", WWW 2001.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import ItemKNNRecommender
    >>> events = pd.DataFrame(
    ...     {"user": [1, 1, 2, 2, 3], "item": ["tea", "jam", "tea", "jam", "tea"]}
    ... )
    >>> ItemKNNRecommender().fit(events).similar_items(["jam"], n=1)["similar"].tolist()
    ['tea']
    """

    n_neighbors: int = param(
        default=100,
        legal=[Interval(Integral, 1, None, closed="left")],
        doc="""int
            Most neighbours of an item that count.""",
    )
    shrink: float = param(
        default=0.0,
        legal=[Interval(Real, 0, None, closed="left")],
        doc="""float
            Added below the fraction of the cosine: items that few users have count as
            less similar, the fewer the less.""",
    )

    def _fit_log(self, log: Log) -> None:
        everybody = np.arange(log.n_users)
        events = Histories.of(log, everybody).matrix
        by_item = events.T.tocsr()
        norms = np.sqrt(np.asarray(by_item.multiply(by_item).sum(axis=1)).ravel())
        size = max(1, BLOCK_BYTES // (8 * log.n_items))
        parts = [
            self._neighbours(by_item[start : start + size] @ events, norms, start)
            for start in range(0, log.n_items, size)
        ]
        self.similarities_ = sparse.vstack(parts, format="csr")

    def _neighbours(
        self, shared: sparse.csr_matrix, norms: np.ndarray, start: int
    ) -> sparse.csr_matrix:
        """Keep the nearest neighbours of some items, given the products of columns."""
        n_rows, n_items = shared.shape
        found = shared.toarray()
        found /= norms[start : start + n_rows, None] * norms + self.shrink
        found[np.arange(n_rows), np.arange(start, start + n_rows)] = 0
        best = best_of(found, min(self.n_neighbors, n_items))
        rows = np.repeat(np.arange(n_rows), best.shape[1])
        values = np.take_along_axis(found, best, axis=1).ravel().astype(np.float32)
        kept = values > 0
        place = rows[kept], best.ravel()[kept]
        return sparse.csr_matrix((values[kept], place), shape=shared.shape)

    def _scorer(self, histories: Histories) -> Scorer:
        events = histories.matrix.astype(np.float32)

        def scores(rows: slice) -> np.ndarray:
            return (events[rows] @ self.similarities_).toarray()

        return scores

    def _similarities(self, items: np.ndarray) -> Scorer:
        def scores(rows: slice) -> np.ndarray:
            return self.similarities_[items[rows]].toarray()

        return scores

"""EASE: a linear model from all items of a user to all others, in closed form."""

from numbers import Real

import numpy as np
from scipy.linalg import lapack

from skrec._docs import with_fitted_docs
from skrec._sklearn import Interval
from skrec.estimators._declared import param, with_parameters
from skrec.preprocessing._interactions import Log
from skrec.recommenders._histories import Histories
from skrec.recommenders._ranking import Scorer
from skrec.recommenders._room import require_room
from skrec.recommenders.base import ClosedFormRecommender


@with_fitted_docs
@with_parameters
class EASERecommender(ClosedFormRecommender):
    """Embarrassingly shallow autoencoder: ridge regression of each item on all others.

    It has one parameter and, on catalogues of up to some ten thousand items, beats most
    networks at top-N recommendation [1]_. A user's score of an item is the sum of the
    weights of the items that the user has; users who were not there in `fit` need no
    more than a `history`. It holds a number for each pair of items.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s
    item_weights_ : ndarray of float32 of shape (n_items, n_items)
        Weight of each item, by row, for the score of another, by column.

    References
    ----------
    .. [1] H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import EASERecommender
    >>> events = pd.DataFrame(
    ...     {"user": [1, 1, 2, 2, 3], "item": ["tea", "jam", "tea", "jam", "tea"]}
    ... )
    >>> EASERecommender(l2=1).fit(events).recommend([3], n=1)[["item", "rank"]]
      item  rank
    0  jam     1
    """

    l2: float = param(
        default=300.0,
        legal=[Interval(Real, 0, None, closed="neither")],
        doc="""float
            Penalty on the squared weights; the more events an item has on average, the
            larger.""",
    )

    def _fit_log(self, log: Log) -> None:
        n_items = log.n_items
        require_room(
            20 * n_items**2,  # two matrices in double precision, one in single
            f"EASERecommender on {n_items} items",
            "leave out rare items, or take ItemKNNRecommender",
        )
        everybody = np.arange(log.n_users)
        events = Histories.of(log, everybody).matrix
        gram = (events.T @ events).toarray()
        gram[np.diag_indices(n_items)] += self.l2
        factor, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1)
        if not failed:
            inverse, failed = lapack.dpotri(factor, lower=1, overwrite_c=1)
        if failed:
            raise FloatingPointError(
                "The weights of items could not be computed: the weights of events in "
                "y are too large or too small for l2. Received: "
                f"l2={self.l2}, weights from {log.weights.min()} to "
                f"{log.weights.max()}."
            )
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        weights = inverse / -inverse.diagonal()
        weights[np.diag_indices(n_items)] = 0
        self.item_weights_ = weights.astype(np.float32)

    def _scorer(self, histories: Histories) -> Scorer:
        events = histories.matrix.astype(np.float32)

        def scores(rows: slice) -> np.ndarray:
            return np.asarray(events[rows] @ self.item_weights_)

        return scores

    def _similarities(self, items: np.ndarray) -> Scorer:
        def scores(rows: slice) -> np.ndarray:
            return self.item_weights_[items[rows]]

        return scores

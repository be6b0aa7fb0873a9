"""BPR: matrix factorisation that ranks what a user had above what not."""

from functools import partial
from typing import Any

import numpy as np

from skrec._docs import with_fitted_docs
from skrec.estimators._declared import (
    COUNT,
    NOT_NEGATIVE,
    fixed,
    param,
    with_parameters,
)
from skrec.networks import Network, build_bpr
from skrec.recommenders._histories import Histories
from skrec.recommenders._means import with_means
from skrec.recommenders._ranking import Scorer, product_scorer
from skrec.recommenders.network import HowScored, weight_places
from skrec.recommenders.pairs import DrawingRecommender


@with_fitted_docs
@with_parameters
class BPRRecommender(DrawingRecommender):
    """Matrix factorisation that ranks what a user had above what not.

    Each event is compared with an item that its user has not had, and the score of the
    one is to be above that of the other [1]_. A score is the product of the vectors of
    user and item, and a number for how much all like the item.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s
    item_embeddings_ : DataFrame of shape (n_items, embedding_dim)
        Vectors of the items.
    %(log_trained)s

    Notes
    -----
    A user whom `fit` did not see, but who has a `history`, gets the mean of the vectors
    of the items in it, scaled to the mean length of users' vectors. A known user keeps
    the own vector, whatever the `history`.

    References
    ----------
    .. [1] S. Rendle, C. Freudenthaler, Z. Gantner and L. Schmidt-Thieme, "BPR: Bayesian
       personalized ranking from implicit feedback", UAI 2009.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import BPRRecommender
    >>> events = pd.DataFrame(
    ...     [(u, i) for u in range(20) for i in range(u % 2, 20, 2) if u != i],
    ...     columns=["user", "item"],
    ... )
    >>> model = BPRRecommender(
    ...     embedding_dim=16, learning_rate=0.05, batch_size=64, random_state=0
    ... ).fit(events)
    >>> model.recommend([0, 3], n=1)["item"].tolist()
    [0, 3]
    """

    embedding_dim: int = param(
        default=64,
        legal=[COUNT],
        doc="""int
            Length of the vectors of users and items.""",
    )
    embedding_l2: float = param(
        default=0.0,
        legal=[NOT_NEGATIVE],
        doc="""float
            Penalty on the squares of the vectors of each event: those of its user, of
            its item, and the mean of those drawn.""",
    )
    dropout: float = fixed(0.0)
    l1: float = fixed(0.0)
    l2: float | str = fixed(0.0)

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_bpr,
            n_rows=self._n_rows,
            n_user_rows=self._n_user_rows,
            embedding_dim=int(self.embedding_dim),
            n_negatives=int(self.n_negatives),
            dtype=self.precision,
        )

    def _rates(self) -> dict[str, float]:
        return {"vector_l2": float(self.embedding_l2)}

    def _is_known(self, histories: Histories) -> np.ndarray:
        return super()._is_known(histories) | (histories.lengths > 0)

    def _how_scored(self, histories: Histories) -> HowScored:
        places = weight_places(self._network(0))
        names = ("users/embeddings", "items/embeddings", "item_bias/embeddings")
        n_users = self._log.n_users
        return partial(_scored, [places[name] for name in names], n_users, histories)


def _scored(
    places: list[int], n_users: int, histories: Histories, outputs: Any, weights: Any
) -> Scorer:
    """Score by products of vectors."""
    users, items, bias = (weights[place] for place in places)
    items = items[: histories.n_items]
    length = float(np.linalg.norm(users[:n_users], axis=1).mean())
    own = users[np.maximum(histories.users, 0)]
    own = with_means(own, items, histories, length)
    return product_scorer(own, items, bias[: histories.n_items, 0])

"""Alternating least squares, on the package implicit."""

from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from skrec._docs import with_fitted_docs
from skrec._extras import import_extra
from skrec._warn import warn_user
from skrec.estimators._declared import COUNT, POSITIVE, param, with_parameters
from skrec.preprocessing._interactions import Log
from skrec.recommenders._histories import Histories
from skrec.recommenders._ranking import Scorer, cosine_scorer, product_scorer
from skrec.recommenders.base import ClosedFormRecommender
from skrec.training._seeds import draw_seed

VANISHING = 1e-3  # factors begin between 0 and 0.01


@with_fitted_docs
@with_parameters
class ALSRecommender(ClosedFormRecommender):
    """Factors of users and items by alternating least squares, for implicit feedback.

    Every pair of a user and an item counts: those without an event as 0, with
    confidence 1; those with one as 1, with confidence `alpha` times its weight [1]_. A
    few seconds are enough for millions of events. The factors of items are computed by
    the package implicit [2]_; those of users, in `fit` and with a `history` alike, are
    solved for the events at hand, given the items.

    Needs the extra ``implicit``: ``pip install "skrec-keras[implicit]"``.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s
    item_embeddings_ : DataFrame of shape (n_items, embedding_dim)
        Factors of the items.

    References
    ----------
    .. [1] Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit
       feedback datasets", ICDM 2008.
    .. [2] https://github.com/benfred/implicit

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import ALSRecommender
    >>> events = pd.DataFrame(
    ...     {"user": [1, 1, 2, 2, 3], "item": ["tea", "jam", "tea", "jam", "tea"]}
    ... )
    >>> model = ALSRecommender(embedding_dim=2, random_state=0).fit(events)
    >>> model.recommend([3], n=1)[["item", "rank"]]
      item  rank
    0  jam     1
    """

    embedding_dim: int = param(
        default=64,
        legal=[COUNT],
        doc="""int
            Length of the vectors of users and items.""",
    )
    l2: float = param(
        default=10.0,
        legal=[POSITIVE],
        doc="""float
            Penalty on the squared factors: the larger, the fewer of them count. More
            than some times `alpha` leaves nothing of small logs, and a warning.""",
    )
    alpha: float = param(
        default=5.0,
        legal=[POSITIVE],
        doc="""float
            Confidence in an event of weight 1, where that in none is 1.""",
    )
    epochs: int = param(
        default=15,
        legal=[COUNT],
        doc="""int
            How often users and then items are solved for.""",
    )
    random_state: Any = param(
        default=None,
        legal=["random_state"],
        doc="""int, RandomState instance or None
            Seeds the factors to begin with. One seed gives one result, whatever the
            number of threads.""",
    )

    def _fit_log(self, log: Log) -> None:
        events = Histories.of(log, np.arange(log.n_users)).matrix
        seed = draw_seed(self.random_state)
        with threadpool_limits(1, "blas"), np.errstate(all="ignore"):
            solver = self._solver(random_state=seed)
            with suppress(_implicit()[1]):  # for NaN alone
                solver.fit(events, show_progress=False)
        if not np.isfinite(solver.item_factors).all():
            raise FloatingPointError(
                "The factors of items are no finite numbers: the weights of events in "
                f"y are too large for alpha and l2. Received: alpha={self.alpha}, "
                f"l2={self.l2}, weights up to {log.weights.max()}."
            )
        if np.abs(solver.item_factors).max() < VANISHING:
            warn_user(
                "The penalty leaves next to nothing of the factors, so that lists say "
                f"little: lower l2, or raise alpha. Received: l2={self.l2}, "
                f"alpha={self.alpha}."
            )
        self._item_factors = solver.item_factors

    def _solver(self, **options: Any) -> Any:
        """Return what solves for factors."""
        return _implicit()[0](
            factors=int(self.embedding_dim),
            regularization=float(self.l2),
            alpha=float(self.alpha),
            iterations=int(self.epochs),
            **options,
        )

    def _scorer(self, histories: Histories) -> Scorer:
        everybody = np.arange(len(histories))
        with threadpool_limits(1, "blas"):
            solver = self._solver()
            # implicit takes no arrays of a file that is mapped into memory.
            solver.item_factors = np.require(self._item_factors, requirements="W")
            users = solver.recalculate_user(everybody, histories.matrix)
        return product_scorer(users, self._item_factors)

    def _similarities(self, items: np.ndarray) -> Scorer:
        return cosine_scorer(self._item_factors, items)

    @property
    def item_embeddings_(self) -> pd.DataFrame:
        """Factors of the items, one a row, by their ids."""
        check_is_fitted(self)
        index = pd.Index(self.items_, name=self.item_col_)
        return pd.DataFrame(self._item_factors, index=index)


def _implicit() -> Any:
    """Import implicit's solver, and the error that it raises."""
    als, base = (
        import_extra(f"implicit.{module}", "implicit", "ALSRecommender")
        for module in ("cpu.als", "recommender_base")
    )
    return als.AlternatingLeastSquares, base.ModelFitError

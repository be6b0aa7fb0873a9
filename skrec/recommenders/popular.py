"""The items of the most events, the same for everybody."""

import numpy as np

from skrec._docs import with_fitted_docs
from skrec.estimators._declared import with_parameters
from skrec.preprocessing._interactions import Log
from skrec.recommenders._histories import Histories
from skrec.recommenders._ranking import Scorer
from skrec.recommenders.base import ClosedFormRecommender


@with_fitted_docs
@with_parameters
class PopularRecommender(ClosedFormRecommender):
    """Recommend to each user the items of the most events that they have not had.

    What any other recommender has to beat, and what it falls back on for users of whom
    nothing is known.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import PopularRecommender
    >>> events = pd.DataFrame(
    ...     {"user": ["ann", "ann", "bob", "cem"], "item": ["tea", "jam", "tea", "tea"]}
    ... )
    >>> PopularRecommender().fit(events).recommend(["bob"], n=1)
      user item  score  rank
    0  bob  jam    1.0     1
    """

    def _fit_log(self, log: Log) -> None:
        """Nothing but counts is needed, and these are at hand."""

    def _scorer(self, histories: Histories) -> Scorer:
        counts = self._item_counts_

        def scores(rows: slice) -> np.ndarray:
            return np.tile(counts, (rows.stop - rows.start, 1))

        return scores

"""Two stages: a recommender proposes, a classifier ranks what was proposed."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import MetaEstimatorMixin, clone, is_classifier
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skrec._docs import with_fitted_docs
from skrec._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    safe_indexing,
)
from skrec._warn import warn_user
from skrec.estimators._atomic import all_or_nothing
from skrec.estimators._declared import COUNT, param, with_parameters
from skrec.recommenders._examples import (
    Pairs,
    below_best,
    drawn_examples,
    new_pairs,
    proposed_examples,
    retrieved_at,
)
from skrec.recommenders._features import Features
from skrec.recommenders._histories import Histories
from skrec.recommenders._ranking import Scorer, best_of, unseen_ranks
from skrec.recommenders.base import BaseRecommender
from skrec.recommenders.item_knn import ItemKNNRecommender
from skrec.training._seeds import draw_seed

BATCH_ROWS = 2**17  # which the ranker is given at a time
# What a retriever says of an item, as columns of the table that the ranker gets.
SCORE, RANK = "retriever_score", "retriever_rank"


@with_fitted_docs
@with_parameters
class TwoStageRecommender(MetaEstimatorMixin, BaseRecommender):
    """Have a recommender propose items, and a classifier rank what was proposed.

    The retriever looks at the whole catalogue and is fast. The ranker looks at its
    `n_candidates` best items for a user alone, and at all that is known of them: the
    ids, the retriever's score and rank (``"retriever_score"`` and
    ``"retriever_rank"``), and the columns of `user_features` and `item_features`
    [1]_. What `recommend` returns are its probabilities; items that were not proposed
    follow in the retriever's order, with scores below 0.

    In `fit`, each user's last events are held out, a clone of the retriever is fitted
    on the others, and the ranker learns which of its proposals were taken. Neither the
    scores nor the ranks that it learns from know of these events. `retriever_` is then
    fitted on all events.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s
    retriever_ : recommender
        Fitted on all events.
    ranker_ : classifier or None
        Fitted on proposals; None where there was nothing to learn, and a warning said
        so: the retriever's order is then that of `recommend`.

    Notes
    -----
    A search passes features on: ``search.fit(X, user_features=users)``. It cuts what
    has as many rows as X, so that a frame of just so many users needs a row more.

    The weights of events in y are the retriever's; to the ranker all events are alike.

    References
    ----------
    .. [1] P. Covington, J. Adams and E. Sargin, "Deep neural networks for YouTube
       recommendations", RecSys 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skrec.recommenders import ItemKNNRecommender, TwoStageRecommender
    >>> events = pd.DataFrame({"user": [u for u in range(6) for _ in range(4)]})
    >>> events["item"] = [(u + k) % 6 for u in range(6) for k in range(4)]
    >>> prices = pd.DataFrame({"item": range(6), "price": [3, 5, 2, 8, 4, 1]})
    >>> model = TwoStageRecommender(
    ...     ItemKNNRecommender(), LogisticRegression(), ids_as_features=False
    ... )
    >>> model.fit(events, item_features=prices).recommend([0], n=2).shape
    (2, 4)
    """

    retriever: Any = param(
        default=None,
        legal=[BaseRecommender, None],
        kw_only=False,
        doc="""recommender or None
            Proposes items; None for :class:`ItemKNNRecommender`. Columns may be named
            here or there, and are the same for both; `unknown` is that of this one.""",
    )
    ranker: Any = param(
        default=None,
        legal=[HasMethods(["fit", "predict_proba"]), None],
        kw_only=False,
        doc="""classifier or None
            Ranks what was proposed, such as :class:`skrec.DeepFMClassifier` or a
            pipeline that ends in a classifier of scikit-learn; it gets a pandas frame.
            None for a :class:`skrec.DeepFMClassifier`.""",
    )
    n_candidates: int = param(
        default=100,
        legal=[COUNT],
        doc="""int
            Number of items that are proposed for each user.""",
    )
    negatives: str = param(
        default="candidates",
        legal=[StrOptions({"candidates", "random"})],
        doc="""{"candidates", "random"}
            What stands beside the held-out events that the ranker learns: proposals
            that the user did not take, which is what it will have to tell apart, or
            items drawn evenly by :func:`skrec.preprocessing.sample_negatives`. With
            the former, held-out events that were not proposed are left out.""",
    )
    n_negatives: int = param(
        default=10,
        legal=[COUNT],
        doc="""int
            Number of these for each held-out event, at most.""",
    )
    n_held_out: int = param(
        default=1,
        legal=[Interval(Integral, 1, None, closed="left")],
        doc="""int
            Number of each user's last events that the ranker learns from; users of no
            more have none. Items that a user had before are left out.""",
    )
    ids_as_features: bool = param(
        default=True,
        legal=["boolean"],
        doc="""bool
            Whether the ranker gets the ids of users and items too, as categories.
            Set it to False for one that takes numbers alone, or few categories.""",
    )
    random_state: Any = param(
        default=None,
        legal=["random_state"],
        doc="""int, RandomState instance or None
            Seeds the negatives, and the ranker where it is None.""",
    )

    # ---- fitting -------------------------------------------------------------------

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any = None,
        user_features: Any = None,
        item_features: Any = None,
    ) -> Any:
        """Learn from events, and from what is known of users and items.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_events, n_columns)
            Events, one a row, in any order where there is a time; ids of any type.
        y : array-like of shape (n_events,), default=None
            Weight of each event, such as its rating; those of 0 are left out. 1 if
            None.
        user_features : DataFrame, default=None
            Of pandas or polars, one row for each user: the id in the column that is
            named as in X, or else the first, and columns that the ranker gets. Users
            who are not there have missing values, and those who are not in X may be.
            A retriever that takes features, such as
            :class:`TwoTowerRecommender`, gets them too.
        item_features : DataFrame, default=None
            The same of items.

        Returns
        -------
        self
            The fitted recommender.

        Raises
        ------
        TypeError
            If the ranker is no classifier, or features are no frame.
        ValueError
            If a column is missing, an id, a time or a weight is not legal, or features
            have none of the ids, one twice, or a column that is there already.
        """
        if self.ranker is not None and not is_classifier(self.ranker):
            raise TypeError(
                "ranker must be a classifier, which tells what is taken from what is "
                f"not. Received: {self.ranker!r}."
            )
        self._log = self._read(X, y, reset=True)
        self._features = [
            Features.read(frame, id_col, what, self) if frame is not None else None
            for frame, id_col, what in (
                (user_features, self.user_col_, "user_features"),
                (item_features, self.item_col_, "item_features"),
            )
        ]
        self._require_distinct_columns()
        for features, ids in zip(
            self._features, (self.users_, self.items_), strict=True
        ):
            if features is not None:
                features.require_ids(ids)
        given = {"user_features": user_features, "item_features": item_features}
        given = {name: frame for name, frame in given.items() if frame is not None}
        self.ranker_ = self._fitted_ranker(X, y, given)
        self.retriever_ = self._fitted_retriever(X, y, given)
        # Its codes are ours: it may know further ids, by their features.
        self._interactions = self.retriever_._interactions
        self._log = self.retriever_._log
        return self

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "retriever_" in state:  # whose they are
            del state["_interactions"], state["_log"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "retriever_" in state:
            self._interactions = self.retriever_._interactions
            self._log = self.retriever_._log

    @property
    def _named_columns(self) -> tuple[Any, Any, Any]:
        """Columns that are named here, or else by the retriever."""
        found = []
        for name in ("user_col", "item_col", "time_col"):
            ours, theirs = getattr(self, name), getattr(self.retriever, name, None)
            if ours is not None and theirs is not None and ours != theirs:
                raise ValueError(
                    f"{name} must be the same for the recommender and its retriever: "
                    f"set one of them alone. Received: {ours!r} and {theirs!r}."
                )
            found.append(theirs if ours is None else ours)
        return found[0], found[1], found[2]

    def _require_distinct_columns(self) -> None:
        """Raise where two columns of the ranker's table would have one name."""
        names = [self.user_col_, self.item_col_, SCORE, RANK]
        for features in self._features:
            own = [] if features is None else list(features.frame)
            if features is not None and (doubled := [n for n in own if n in names]):
                raise ValueError(
                    f"{features.what} has columns whose names the ranker's table has "
                    f"already: rename or drop them. Received: {doubled}, beside "
                    f"{names}."
                )
            names += own

    def _fitted_retriever(
        self, X: Any, y: Any, features: dict[str, Any]
    ) -> BaseRecommender:
        """Fit what proposes, with the columns of this one, and features if it can."""
        given = (
            ItemKNNRecommender() if self.retriever is None else clone(self.retriever)
        )
        user, item, time = self._named_columns
        given.set_params(user_col=user, item_col=item, time_col=time)
        takes = has_fit_parameter(given, "item_features")
        return given.fit(X, y, **features if takes else {})

    def _new_ranker(self, seed: int) -> Any:
        """Return what ranks, not fitted."""
        if self.ranker is not None:
            return clone(self.ranker)
        from skrec.estimators import DeepFMClassifier

        return DeepFMClassifier(random_state=seed)

    def _fitted_ranker(self, X: Any, y: Any, features: dict[str, Any]) -> Any:
        """Fit the ranker on what a retriever proposes that has not seen the answers."""
        seed = draw_seed(self.random_state)
        n = int(self.n_held_out)
        before, last = self._log.split_last(n, at_least=n + 1)
        earlier = self._log.select(before)
        held_out = new_pairs(earlier, self._log.select(last))
        if not len(held_out):
            return self._warn_of_no_examples("no user has new items in the last events")
        rows = self._rows_of_events(X, y)[before]
        rows.sort()
        y_rows = None if y is None else np.asarray(y)[rows]
        earlier_X = safe_indexing(X, rows)
        retriever = self._fitted_retriever(earlier_X, y_rows, features)
        users, items = self.users_[held_out["user"]], self.items_[held_out["item"]]
        rng = np.random.RandomState(seed % 2**32)
        if self.negatives == "candidates":
            sizes = int(self.n_candidates), int(self.n_negatives)
            pairs, labels = proposed_examples(retriever, users, items, *sizes, rng)
        else:
            known = self.users_[earlier.users], self.items_[earlier.items]
            known_pairs = pd.DataFrame(dict(zip(("user", "item"), known, strict=True)))
            n = int(self.n_negatives)
            pairs, labels = drawn_examples(retriever, users, items, known_pairs, n, rng)
        if len(np.unique(labels)) < 2:
            return self._warn_of_no_examples(
                f"of {len(held_out)} held-out events and what was proposed beside "
                "them, all or none were taken"
            )
        return self._new_ranker(seed).fit(self._table(pairs), labels)

    def _rows_of_events(self, X: Any, y: Any) -> np.ndarray:
        """Return the row of X of each event of the log."""
        table = self._checked_events(X, reset=False)
        marks = np.arange(1, len(table) + 1)
        if y is not None:
            marks = np.where(np.asarray(y, dtype=np.float64).ravel() > 0, marks, 0)
        return self._interactions.log(table, marks).weights.astype(np.int64) - 1

    def _warn_of_no_examples(self, why: str) -> None:
        warn_user(
            f"The ranker was not fitted, since {why}: items are in the retriever's "
            "order. It needs users with several events, and proposals that were taken: "
            "give more events, or raise n_candidates."
        )

    # ---- what the ranker gets ------------------------------------------------------

    def _table(self, pairs: Pairs) -> pd.DataFrame:
        """Make the table that the ranker gets."""
        columns: dict[str, Any] = {}
        if self.ids_as_features:
            columns[self.user_col_] = pd.Categorical(pairs.users)
            columns[self.item_col_] = pd.Categorical(pairs.items)
        columns |= {SCORE: pairs.scores, RANK: pairs.ranks}
        for features, ids in zip(self._features, pairs[:2], strict=True):
            if features is not None:
                columns |= features.take(features.rows(ids))
        return pd.DataFrame(columns)

    def _probabilities(self, pairs: Pairs) -> np.ndarray:
        """Return how probable it is that each is taken."""
        if not len(pairs.users):
            return np.zeros(0)
        taken = int(np.flatnonzero(self.ranker_.classes_ == 1)[0])
        found = [
            self.ranker_.predict_proba(self._table(pairs.select(rows)))[:, taken]
            for rows in gen_batches(len(pairs.users), BATCH_ROWS)
        ]
        return np.concatenate(found)

    # ---- scoring -------------------------------------------------------------------

    def _ranking_scorer(
        self, histories: Histories, allowed: np.ndarray, exclude_seen: bool
    ) -> Scorer:
        retriever, known = self.retriever_, self._is_known(histories)
        ask = retriever._ranking_scorer(histories, allowed, exclude_seen)
        if self.ranker_ is None:
            return ask
        every = retriever._known_scorer(histories)
        seen, ids = histories.matrix, np.asarray(histories.ids)
        in_order = exclude_seen and len(allowed) == len(self.items_)
        n = min(int(self.n_candidates), len(allowed))

        def scores(rows: slice) -> np.ndarray:
            found = ask(rows).astype(np.float64)
            best = best_of(found, n)
            proposed = np.isfinite(np.take_along_axis(found, best, axis=1))
            row, place = np.nonzero(proposed & known[rows][:, None])
            column = best[row, place]
            if in_order:
                ranks = place + 1
            else:
                ranks = unseen_ranks(every(rows), seen[rows])[row, allowed[column]]
            pairs = Pairs(
                ids[rows][row], self.items_[allowed[column]], found[row, column], ranks
            )
            found[known[rows]] = below_best(found[known[rows]], found[known[rows]])
            found[row, column] = self._probabilities(pairs)
            return found

        return scores

    def _pair_scores(
        self, histories: Histories, users: np.ndarray, items: np.ndarray
    ) -> np.ndarray:
        """Score pairs as among what the user has not seen."""
        if self.ranker_ is None:
            return self.retriever_._pair_scores(histories, users, items)
        values = retrieved_at(self.retriever_, histories, users, items)
        known = self._is_known(histories)[users]
        ranks = values[:, 1].astype(np.int64)
        scores = np.where(known, values[:, 2], values[:, 0])
        asked = np.flatnonzero(known & (ranks <= self.n_candidates) & (items >= 0))
        ids = np.asarray(histories.ids)[users[asked]]
        pairs = Pairs(ids, self.items_[items[asked]], values[asked, 0], ranks[asked])
        scores[asked] = self._probabilities(pairs)
        return scores

    def _scorer(self, histories: Histories) -> Scorer:
        return self._ranking_scorer(histories, np.arange(len(self.items_)), False)

    def _is_known(self, histories: Histories) -> np.ndarray:
        return self.retriever_._is_known(histories)

    def _similarities(self, items: np.ndarray) -> Scorer:
        return self.retriever_._similarities(items)

    @property
    def item_embeddings_(self) -> pd.DataFrame:
        """Vectors of the items, where the retriever has some."""
        check_is_fitted(self)
        return self.retriever_.item_embeddings_

"""What all recommenders share: events in, a ranked list of items for each user out."""

from abc import ABCMeta, abstractmethod
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skrec._docs_address import DocumentedHere
from skrec._sklearn import StrOptions, check_y, fit_context
from skrec._warn import warn_user
from skrec.estimators._atomic import all_or_nothing
from skrec.estimators._declared import fixed, param, with_parameters
from skrec.estimators._inputs import require_dimensions, require_targets
from skrec.metrics import recommender_scorer
from skrec.preprocessing._frames import (
    as_frame,
    as_table,
    in_fitted_order,
    is_polars,
)
from skrec.preprocessing._interactions import (
    Columns,
    Interactions,
    Log,
    codes,
    find_columns,
    id_factor,
)
from skrec.preprocessing._packed import pack_dtype, unpack_dtype
from skrec.recommenders._frames import answer, in_dtype
from skrec.recommenders._histories import Histories
from skrec.recommenders._questions import (
    distinct,
    known_codes,
    read_history,
    require_count,
    require_free_names,
    some_of,
)
from skrec.recommenders._ranking import Scorer, hide, top_n, values_at

if TYPE_CHECKING:
    from skrec._typed import BaseEstimator
else:
    from sklearn.base import BaseEstimator

COLUMN = [str, Integral, None]
LARGEST_WEIGHT = 1e15  # whose squares single precision holds, summed over events
LOWEST = float(np.finfo(np.float32).min)  # score of an item that nobody knows


@with_parameters
class BaseRecommender(DocumentedHere, BaseEstimator, metaclass=ABCMeta):
    """Base of the recommenders; one adds `_fit_log`, `_scorer` and `_similarities`."""

    user_col: Any = param(
        default=None,
        legal=COLUMN,
        doc="""str, int or None
            Name or position of the column of users; None for the first column.""",
    )
    item_col: Any = param(
        default=None,
        legal=COLUMN,
        doc="""str, int or None
            Name or position of the column of items; None for the first column that is
            not one of the others.""",
    )
    time_col: Any = param(
        default=None,
        legal=COLUMN,
        doc="""str, int or None
            Name or position of the column that says when an event happened, in numbers
            or dates; events of one user at the same time keep the order of their rows.
            None where the order of the rows is that of the events.""",
    )
    unknown: str = param(
        default="popular",
        legal=[StrOptions({"popular", "error"})],
        doc="""{"popular", "error"}
            What `recommend` and `predict` do about a user of whom nothing is known: the
            items of the most events, or a ValueError.""",
    )

    if TYPE_CHECKING:  # no parameter
        _log: Log = fixed(None)  # the events of `fit`

    # What makes a user known who is not.
    _what_helps: ClassVar[str] = "give their events as history, or "

    # ---- what a recommender adds ---------------------------------------------------

    @abstractmethod
    def _scorer(self, histories: Histories) -> Scorer:
        """Return what scores all items for some of these users."""

    def _similarities(self, items: np.ndarray) -> Scorer:
        """Return what scores all items by how similar they are to some."""
        raise AttributeError(
            f"{type(self).__name__} knows nothing of items but how many events they "
            "have, and so not which are similar."
        )

    # ---- events --------------------------------------------------------------------

    def _checked_events(self, X: Any, *, reset: bool) -> Any:
        """Check that X is a table with the columns of `fit`."""
        if sparse.issparse(X):
            raise TypeError(
                f"Sparse data was passed to {type(self).__name__}, which takes a table "
                "of events: a column of users and one of items. Give it the indices of "
                "what is not zero, such as numpy.transpose(X.nonzero())."
            )
        require_dimensions(X, self)
        table = as_table(X, self)
        names = None if reset else getattr(self, "feature_names_in_", None)
        table = in_fitted_order(table, names)
        table = validate_data(self, table, reset=reset, skip_check_array=True)
        if names is not None:
            return as_frame(table).set_axis(names, axis=1)
        return table

    def _checked_weights(self, X: Any, y: Any) -> np.ndarray | None:
        """Check y, the weights of events."""
        if y is None:
            return None
        require_targets(y, numbers=True)
        y = check_y(y, y_numeric=True, estimator=self)
        check_consistent_length(X, y)
        weights = np.asarray(y, dtype=np.float64)
        wrong = np.flatnonzero(weights < 0)
        if len(wrong):
            raise ValueError(
                "y must hold the weights of events, which are not negative: leave out "
                "what users did not like, or take a classifier for it. Received: "
                f"{weights[wrong[0]]} in row {wrong[0]}."
            )
        positive = weights[weights > 0]
        if len(positive) and not (
            positive.min() >= 1 / LARGEST_WEIGHT and positive.max() <= LARGEST_WEIGHT
        ):
            raise ValueError(
                f"y must hold weights of 0 or between {1 / LARGEST_WEIGHT:g} and "
                f"{LARGEST_WEIGHT:g}, which single precision can square: divide them "
                f"by their mean. Received: {positive.min():g} to {positive.max():g}."
            )
        if not weights.any():
            raise ValueError(
                f"{type(self).__name__} needs at least one event of a positive weight. "
                "Received: y of zeros alone."
            )
        return weights

    def _read(self, X: Any, y: Any, *, reset: bool) -> Log:
        """Check events, learn their ids, and return them in order."""
        table = self._checked_events(X, reset=reset)
        weights = self._checked_weights(table, y)
        if reset:
            names = list(getattr(self, "feature_names_in_", range(table.shape[1])))
            columns = find_columns(names, *self._named_columns, type(self).__name__)
            self._is_polars, self._names = is_polars(X), names
            require_free_names(names, columns)
            self._warn_of_chosen(names, columns)
            dtypes = as_frame(table).dtypes
            self._id_dtypes = dtypes.iloc[columns.user], dtypes.iloc[columns.item]
        positive = table if weights is None else as_frame(table)[weights > 0]
        if reset:
            self._interactions = Interactions.learn(positive, columns)
        else:
            self._interactions = self._interactions.grown(positive)
        return self._interactions.log(table, weights)

    def _warn_of_chosen(self, names: list, columns: Columns) -> None:
        """Warn where columns were taken by their places, and others are left."""
        used = [place for place in columns if place is not None]
        is_chosen = self.user_col is None or self.item_col is None
        if is_chosen and len(names) > len(used) and hasattr(self, "feature_names_in_"):
            warn_user(
                f"Column {names[columns.user]!r} is taken for users, and "
                f"{names[columns.item]!r} for items, as they come first: set user_col "
                f"and item_col, or leave other columns out. Received: columns {names}."
            )

    @property
    def _named_columns(self) -> tuple[Any, Any, Any]:
        """What parameters say of the columns of users, items and times."""
        return self.user_col, self.item_col, self.time_col

    def _pairs(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the users and the items of events, as ids."""
        frame = as_frame(self._checked_events(X, reset=False))
        user, item = self._interactions.columns[:2]
        factors = (id_factor(frame.iloc[:, k], frame.columns[k]) for k in (user, item))
        users, items = (factor.values[factor.positions] for factor in factors)
        return users, items

    def _saw_all(self, users: np.ndarray, items: np.ndarray) -> bool:
        """Tell whether `fit` saw each of these pairs of ids."""
        known, log = self._interactions, self._log
        found = codes(known.users, id_factor(users, self.user_col_)).astype(np.int64)
        places = codes(known.items, id_factor(items, self.item_col_))
        if (found < 0).any() or (places < 0).any():
            return False
        pairs = log.users.astype(np.int64) * log.n_items + log.items
        return bool(np.isin(found * log.n_items + places, pairs).all())

    @property
    def users_(self) -> np.ndarray:
        """Ids of the users: sorted, then those that `partial_fit` brought."""
        check_is_fitted(self)
        return self._interactions.users.ids

    @property
    def items_(self) -> np.ndarray:
        """Ids of the items: sorted, then those that `partial_fit` brought."""
        check_is_fitted(self)
        return self._interactions.items.ids

    @property
    def user_col_(self) -> str:
        """Name of the column of users in what `recommend` returns."""
        check_is_fitted(self)
        return self._name(self._interactions.columns.user, "user")

    @property
    def item_col_(self) -> str:
        """Name of the column of items in what `recommend` returns."""
        check_is_fitted(self)
        return self._name(self._interactions.columns.item, "item")

    def _name(self, place: int, default: str) -> str:
        return (
            str(self._names[place]) if hasattr(self, "feature_names_in_") else default
        )

    @property
    def _item_counts_(self) -> np.ndarray:
        """Sum of the weights of each item's events."""
        log = self._log
        return np.bincount(log.items, log.weights, minlength=log.n_items)

    # ---- fitting -------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if "_id_dtypes" not in state:
            return state
        return {**state, "_id_dtypes": [*map(pack_dtype, state["_id_dtypes"])]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_id_dtypes" in state:
            state = {**state, "_id_dtypes": (*map(unpack_dtype, state["_id_dtypes"]),)}
        super().__setstate__(state)

    def __sklearn_is_fitted__(self) -> bool:
        return "_log" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.target_tags.positive_only = True
        tags.input_tags.string = True
        tags.non_deterministic = False
        return tags

    # ---- recommending --------------------------------------------------------------

    def recommend(
        self,
        users: Any = None,
        n: int = 10,
        *,
        candidates: Any = None,
        exclude_seen: bool = True,
        history: Any = None,
    ) -> Any:
        """Rank items for users.

        Parameters
        ----------
        users : array-like of shape (n_users,), default=None
            Ids of users; None for all of `history` or, without one, all of `fit`.
        n : int, default=10
            Number of items for each user.
        candidates : array-like of shape (n_candidates,), default=None
            Ids of the items to choose from, such as those in stock; None for all.
        exclude_seen : bool, default=True
            Whether to leave out what a user's events hold already: those of `history`
            or, without one, of `fit`.
        history : DataFrame or array-like of shape (n_events, n_columns), default=None
            Events to recommend after, instead of those that `fit` saw of these users:
            of users of whom it knew nothing, or later ones. It has the columns of
            users, items and time of X, or all of X; without a time, the order of its
            rows is that of the events. Nothing is fitted again. Items that are not
            known are left out. Recommenders with a vector for each user say what they
            make of it.

        Returns
        -------
        DataFrame of shape (n_rows, 4)
            The columns of users and items, named as in X, ``"score"`` and ``"rank"``,
            from 1 on; user by user in the order of `users`, the best item first. Items
            of one score are in the order of their ids. A user gets fewer than `n` rows
            where there are no more items, with one warning for all. A polars frame
            where X was one, with its categories as strings.

        Raises
        ------
        ValueError
            If a candidate is not known; if a user is not and ``unknown="error"``.
        """
        check_is_fitted(self)
        require_count(n)
        if history is not None and len(history) == 0:
            history, users = None, [] if users is None else users
        allowed = self._candidates(candidates)
        ids, histories = self._asked(users, history)
        scorer = self._ranking_scorer(histories, allowed, exclude_seen)
        found, n_found = self._best(scorer, len(ids), allowed, int(n))
        if short := int((n_found < n).sum()):
            warn_user(
                f"{short} of {len(ids)} users get fewer than n={n} items: no more are "
                "left that they may get. Lower n, give more candidates, or set "
                "exclude_seen=False."
            )
        users_ = self._as_given(np.repeat(ids, n_found), 0)
        found = {self.user_col_: users_, self.item_col_: found.pop("item"), **found}
        return answer(found, self._is_polars)

    def _best(
        self, scorer: Scorer, n_rows: int, allowed: np.ndarray, n: int
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Return the best items, their scores and ranks, and how many each row has."""
        best, scores = top_n(scorer, n_rows, len(allowed), n)
        kept = np.isfinite(scores)
        found = {
            "item": self._as_given(self.items_[allowed[best[kept]]], 1),
            "score": scores[kept],
            "rank": np.nonzero(kept)[1] + 1,
        }
        return found, kept.sum(axis=1)

    def _as_given(self, ids: np.ndarray, which: int) -> Any:
        """Return ids in the dtype of the column of users, 0, or items, 1, in `fit`."""
        return in_dtype(ids, self._id_dtypes[which])

    def _ranking_scorer(
        self, histories: Histories, allowed: np.ndarray, exclude_seen: bool
    ) -> Scorer:
        """Score some items, in their order, with -inf for what users have seen."""
        scorer = self._known_scorer(histories)
        everything = len(allowed) == len(self.items_) and bool(
            (allowed == np.arange(len(allowed))).all()
        )
        seen = histories.matrix if exclude_seen else None

        def scores(rows: slice) -> np.ndarray:
            found = scorer(rows)
            if seen is not None:
                hide(found, seen, rows)
            return found if everything else found[:, allowed]

        return scores

    def _known_scorer(self, histories: Histories) -> Scorer:
        """Score all items, by how many have them for users who are not known."""
        scorer = self._scorer(histories)
        known = self._is_known(histories)
        if known.all():
            return scorer
        popular = self._item_counts_

        def scores(rows: slice) -> np.ndarray:
            found = scorer(rows)
            if not known[rows].all():
                found = found.astype(np.float64)
                found[~known[rows]] = popular
            return found

        return scores

    def _is_known(self, histories: Histories) -> np.ndarray:
        """Tell of which users something is known."""
        return histories.lengths > 0

    def _candidates(self, candidates: Any) -> np.ndarray:
        """Return the codes of the items to choose from, in the order of their ids."""
        items = self._interactions.items
        allowed = np.arange(len(items.ids))
        if candidates is not None:
            allowed = np.sort(known_codes(candidates, items, "candidates")[1])
        if vars(self).get("_n_first_items", len(items.ids)) == len(items.ids):
            return allowed  # of which all were learnt at once, and so are sorted
        return allowed[np.argsort(items.ids[allowed], kind="stable")]

    def _asked(self, users: Any, history: Any) -> tuple[np.ndarray, Histories]:
        """Return the ids of the users who are asked for, and what is known of them."""
        if history is None:
            ids = self.users_ if users is None else distinct(users, self.user_col_)
            known = self._interactions.users
            own = codes(known, id_factor(ids, self.user_col_))
            histories = Histories.of(self._log, own)
        else:
            names = self._names if hasattr(self, "feature_names_in_") else None
            log, who = read_history(history, self, self._interactions, names)
            ids = who.ids if users is None else distinct(users, self.user_col_)
            places = codes(who, id_factor(ids, self.user_col_))
            histories = Histories.of(log, places)
            own = codes(self._interactions.users, id_factor(ids, self.user_col_))
            histories.users = own
            elsewhere = np.where(places < 0, own, -1).astype(np.int32)
            histories = histories.filled_from(Histories.of(self._log, elsewhere))
        histories.ids = ids
        self._require_known(ids, self._is_known(histories))
        return ids, histories

    def _require_known(self, ids: np.ndarray, known: np.ndarray) -> None:
        if self.unknown == "error" and not known.all():
            wrong = ids[~known]
            raise ValueError(
                f"Nothing is known of {len(wrong)} of {len(ids)} users: "
                f"{self._what_helps}set unknown='popular'. Received: {some_of(wrong)}."
            )

    def predict(self, X: Any) -> np.ndarray:
        """Score pairs of users and items.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            One pair a row, in the columns of `fit`, of which those of users and items
            are read.

        Returns
        -------
        ndarray of float64 of shape (n_rows,)
            Scores, the higher the better, that compare the items of one user. An item
            that is not known has the lowest number of single precision.

        Raises
        ------
        ValueError
            If a user is not known and ``unknown="error"``.
        """
        check_is_fitted(self)
        table = self._checked_events(X, reset=False)
        frame = as_frame(table)
        who = id_factor(frame.iloc[:, self._interactions.columns.user], self.user_col_)
        items = self._interactions.pairs(table)[1]
        known = codes(self._interactions.users, who.of_values)
        histories = Histories.of(self._log, known)
        histories.ids = who.values
        self._require_known(who.values, self._is_known(histories))
        scores = self._pair_scores(histories, who.positions, items)
        return np.where(items < 0, LOWEST, scores)

    def _pair_scores(
        self, histories: Histories, users: np.ndarray, items: np.ndarray
    ) -> np.ndarray:
        """Score pairs of users, by position in `histories`, and items."""
        scorer = self._known_scorer(histories)
        return values_at(scorer, len(histories), len(self.items_), users, items)

    def score(self, X: Any, y: Any = None) -> float:
        """Compute NDCG@10: how far up in the lists of users their events of X stand.

        All items are ranked but those that a user had in `fit`. An item that `fit` did
        not know counts as missed.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_events, n_columns)
            Events that `fit` did not see.
        y : object
            Not used: all events count alike.

        Returns
        -------
        float
            Mean over the users of X, between 0 and 1.
        """
        check_is_fitted(self)
        return recommender_scorer("ndcg@10")(self, X)

    def similar_items(self, items: Any, n: int = 10) -> Any:
        """Rank items by how similar they are to some.

        Parameters
        ----------
        items : array-like of shape (n_items,)
            Ids of items.
        n : int, default=10
            Number of similar items for each.

        Returns
        -------
        DataFrame of shape (n_rows, 4)
            The item, ``"similar"``, the other one, ``"score"`` and ``"rank"``.

        Raises
        ------
        ValueError
            If an item is not known.
        """
        check_is_fitted(self)
        require_count(n)
        ids, own = known_codes(items, self._interactions.items, "items")
        allowed = self._candidates(None)
        scorer = self._similarities(own)

        def scores(rows: slice) -> np.ndarray:
            found = scorer(rows)
            found[np.arange(len(found)), own[rows]] = -np.inf
            return found[:, allowed]

        found, n_found = self._best(scores, len(own), allowed, int(n))
        given = self._as_given(np.repeat(ids, n_found), 1)
        found = {self.item_col_: given, "similar": found.pop("item"), **found}
        return answer(found, self._is_polars)


class ClosedFormRecommender(BaseRecommender):
    """A recommender that is computed, not trained; one adds `_fit_log`."""

    @abstractmethod
    def _fit_log(self, log: Log) -> None:
        """Compute what scores."""

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn from events.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_events, n_columns)
            Events, one a row, in any order where there is a time; ids of any type.
        y : array-like of shape (n_events,), default=None
            Weight of each event, such as its rating; those of 0 are left out. 1 if
            None.

        Returns
        -------
        self
            The fitted recommender.

        Raises
        ------
        ValueError
            If a column is missing, or an id, a time or a weight is not legal.
        """
        self._log = self._read(X, y, reset=True)
        self._fit_log(self._log)
        return self

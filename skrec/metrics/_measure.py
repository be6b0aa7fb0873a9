"""A recommender's lists for the users of some events, and all that is measured on them.

What is asked of a recommender: ``recommend``, ``items_``, ``users_``, ``user_col_`` and
``item_col_``; ``_pairs(X)``, which returns the ids of users and items, row by row; and,
for the metrics that need them, ``_item_counts_``, the number of events of each item of
``items_``, and ``item_embeddings_``, a vector for each.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import gen_batches

from skrec._inside import innermost
from skrec._warn import warn_user
from skrec.metrics._lists import read_lists, read_numbers, read_pairs
from skrec.metrics._names import Metric
from skrec.metrics._values import PER_USER
from skrec.metrics.beyond import coverage_at_k, diversity_at_k, novelty_at_k
from skrec.metrics.relevance import auc_per_user
from skrec.preprocessing._frames import named_columns

BLOCK_ROWS = 2**21  # of lists that hold all items: about 100 MB


@dataclass
class HeldOut:
    """A recommender, and the events that it is to foresee.

    Parameters
    ----------
    model : recommender
        Fitted, without a pipeline or a search around it.
    relevant : DataFrame
        Users and items of the events, named as in what the model recommends.
    """

    model: Any
    relevant: pd.DataFrame

    @classmethod
    def of(cls, estimator: Any, X: Any) -> "HeldOut":
        """Find the recommender in an estimator, and the events in X.

        Parameters
        ----------
        estimator : estimator
            A fitted recommender, a pipeline that ends in one, or a search.
        X : DataFrame or array-like of shape (n_events, n_columns)
            What the estimator takes.

        Returns
        -------
        HeldOut
            Both.

        Raises
        ------
        TypeError
            If there is no recommender.
        """
        model, X = innermost(estimator, X)
        if not hasattr(model, "recommend"):
            raise TypeError(
                "These metrics are of recommenders, alone, in a search or as the last "
                f"step of a pipeline. Received: {estimator!r}."
            )
        users, items = model._pairs(X)
        names = model.user_col_, model.item_col_
        return cls(model, pd.DataFrame(dict(zip(names, (users, items), strict=True))))

    @property
    def names(self) -> dict[str, str]:
        """What the columns of users and items are called."""
        user_col, item_col = self.relevant.columns
        return {"user_col": user_col, "item_col": item_col}

    @property
    def users(self) -> np.ndarray:
        """The users, in the order of their first event."""
        return self.relevant.iloc[:, 0].unique()

    def lists(self, k: int, exclude_seen: bool) -> pd.DataFrame:
        """Rank k items for each user.

        Parameters
        ----------
        k : int
            Length of the lists.
        exclude_seen : bool
            Whether to leave out the items that a user had in training.

        Returns
        -------
        DataFrame
            Users, items, ``"score"`` and ``"rank"``.
        """
        return self._frame(
            self.model.recommend(self.users, n=k, exclude_seen=exclude_seen)
        )

    def whole_lists(
        self, exclude_seen: bool
    ) -> Iterator[tuple["HeldOut", pd.DataFrame]]:
        """Rank all items, for some users at a time.

        Parameters
        ----------
        exclude_seen : bool
            Whether to leave out the items that a user had in training.

        Yields
        ------
        held_out : HeldOut
            Events of these users.
        lists : DataFrame
            As :meth:`lists` returns them.
        """
        users, n = self.users, len(self.model.items_)
        owner = self.relevant.iloc[:, 0]
        for part in gen_batches(len(users), max(1, BLOCK_ROWS // n)):
            some = HeldOut(self.model, self.relevant[owner.isin(users[part])])
            with warnings.catch_warnings():
                # That a list is shorter than the catalogue goes without saying.
                warnings.simplefilter("ignore", UserWarning)
                yield some, some.lists(n, exclude_seen)

    def _frame(self, recommended: Any) -> pd.DataFrame:
        columns = [*self.relevant.columns, "score", "rank"]
        return named_columns(recommended, columns, "what recommend returns")

    def warn_of_seen(self, exclude_seen: bool) -> None:
        """Warn where there is nothing to foresee.

        Parameters
        ----------
        exclude_seen : bool
            Whether the items that a user had in training are left out.
        """
        try:
            saw_all = self.model._saw_all
        except AttributeError:  # of a recommender that is none of skrec's
            return
        if exclude_seen and saw_all(*self.relevant.to_numpy().T):
            warn_user(
                "fit saw each user with each item of these events, and what a user has "
                "had is not recommended, so that nothing is found: score events that "
                "fit did not see, or set exclude_seen=False."
            )

    def count_cold(self) -> tuple[int, int]:
        """Count users and events of items that the model does not know.

        Returns
        -------
        tuple of two ints
            Users, and events.
        """
        user, item = (self.relevant.iloc[:, place] for place in (0, 1))
        cold_users = set(user) - set(self.model.users_.tolist())
        return len(cold_users), int((~item.isin(self.model.items_)).sum())


@dataclass
class Measured:
    """Metrics, and what else there is to say of the lists.

    Parameters
    ----------
    values : dict of str to Series or float
        A value for each user, or one for all.
    n_ties : int
        Users with a relevant item in their list whose score another one there has too.
    """

    values: dict[str, Any]
    n_ties: int

    def means(self) -> dict[str, float]:
        """Return one number a metric.

        Returns
        -------
        dict of str to float
            Means over users.
        """
        return {name: float(np.mean(value)) for name, value in self.values.items()}


def measure(held_out: HeldOut, metrics: list[Metric], exclude_seen: bool) -> Measured:
    """Rank once, for the largest k, and compute all metrics.

    Parameters
    ----------
    held_out : HeldOut
        Recommender and events.
    metrics : list of Metric
        Which ones.
    exclude_seen : bool
        Whether to leave out the items that a user had in training.

    Returns
    -------
    Measured
        In the order of the metrics.
    """
    held_out.warn_of_seen(exclude_seen)
    longest = max(metric.k for metric in metrics)
    if all(metric.k for metric in metrics):
        lists = held_out.lists(longest, exclude_seen)
        return Measured(_at_k(held_out, lists, metrics), count_ties(held_out, lists))
    tops, aucs, n_ties = [], [], 0
    for some, lists in held_out.whole_lists(exclude_seen):
        aucs.append(auc_per_user(lists, some.relevant, **held_out.names, average=False))
        tops.append(lists[lists["rank"] <= longest])
        n_ties += count_ties(some, lists)
    at_k = [metric for metric in metrics if metric.k]
    found = _at_k(held_out, pd.concat(tops), at_k) | {"auc": pd.concat(aucs)}
    return Measured({metric.name: found[metric.name] for metric in metrics}, n_ties)


def _at_k(
    held_out: HeldOut, lists: pd.DataFrame, metrics: list[Metric]
) -> dict[str, Any]:
    """Compute metrics of lists."""
    hits = read_lists(lists, held_out.relevant, **held_out.names)
    found: dict[str, Any] = {}
    for name, kind, k in metrics:
        if kind in PER_USER:
            found[name] = pd.Series(PER_USER[kind](hits, k), hits.users, name=name)
            continue
        needed, function = _OF_LISTS[kind]
        if not hasattr(held_out.model, needed):
            raise ValueError(
                f"metric {name!r} needs {needed} of the recommender: leave it out. "
                f"Received: {held_out.model!r}, which has none."
            )
        found[name] = function(held_out, lists, k)
    return found


def _coverage(held_out: HeldOut, lists: pd.DataFrame, k: int) -> float:
    item_col = held_out.names["item_col"]
    return coverage_at_k(lists, held_out.model.items_, k, item_col=item_col)


def _novelty(held_out: HeldOut, lists: pd.DataFrame, k: int) -> pd.Series:
    counts = pd.Series(held_out.model._item_counts_, index=held_out.model.items_)
    return novelty_at_k(lists, counts, k, **held_out.names, average=False)


def _diversity(held_out: HeldOut, lists: pd.DataFrame, k: int) -> pd.Series:
    vectors = held_out.model.item_embeddings_
    if not isinstance(vectors, pd.DataFrame):
        vectors = pd.DataFrame(vectors, index=held_out.model.items_)
    return diversity_at_k(lists, vectors, k, **held_out.names, average=False)


# What a metric needs of the recommender, and what computes it.
_OF_LISTS: dict[str, tuple[str, Callable[[HeldOut, pd.DataFrame, int], Any]]] = {
    "coverage": ("items_", _coverage),
    "novelty": ("_item_counts_", _novelty),
    "diversity": ("item_embeddings_", _diversity),
}


def count_ties(held_out: HeldOut, lists: pd.DataFrame) -> int:
    """Count users whose hits have scores that another item of the list has too.

    Parameters
    ----------
    held_out : HeldOut
        Recommender and events.
    lists : DataFrame
        What was recommended.

    Returns
    -------
    int
        Users, whose values hang on how ties are broken.
    """
    pairs = read_pairs(lists, held_out.relevant)
    hit = np.isin(*pairs.keys)
    scores = read_numbers(lists["score"], "what recommend returns")
    table = pd.DataFrame({"user": pairs.user[0], "score": scores})
    tied = table.duplicated(keep=False).to_numpy() & hit
    return int(table["user"][tied].nunique())
